//! Hashes that other implementations made, each with the right password, a wrong one, and damage.

use super::*;

const PASSWORD: &str = "pässwörd with € 42";

/// What made it, and what it made of [`PASSWORD`]: Django 5.2 (`hasher.encode`), argon2-cffi 25.1 (`hash_secret`), bcrypt 5.0
/// and passlib 1.7.4 for Python, libxcrypt (Python's `crypt.crypt`), OpenSSL (`openssl passwd -1 -5 -6`), and as Keycloak has
/// it, Python's `hashlib.pbkdf2_hmac` with 64 bytes of output in the form that docs/import.md makes of Keycloak's export.
const HASHES: &[(&str, &str)] = &[
    ("django", "pbkdf2_sha256$3000$somesaltsomesalt$G+LROOXM3gUokFuSU4ChGj84QACGt/pDftKlv7L7sTk="),
    ("django", "pbkdf2_sha1$3000$somesaltsomesalt$gOvV0YvIUUaiCmqm1XU2y6ALHmM="),
    (
        "django",
        "argon2$argon2id$v=19$m=1024,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$2X9kB/Ms8Nrq2ubiei4VjvuhDQM28I3qKiUxBASlsjI",
    ),
    ("django", "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuiDPK54b9EB9BMmUDZKEI6izDW6dERh2"),
    ("django", "bcrypt$$2b$05$abcdefghijklmnopqrstuuzO6mK27CwuRfQuZDlOF/6vQFYfMYUsy"),
    (
        "django",
        "scrypt$1024$somesaltsomesalt$8$5$GoD48PrHjq3aGpnEIwznkLWs0+UFAIhujIqoZIozY5V5ZxTart+qmSxcw/3KYlEzrkJplbrL2qdc6RM5dGPgnA==",
    ),
    ("argon2-cffi", "$argon2id$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$fu0x8aODHZ1IrErU625e3OAIGIcxP5z/ZGp6MvGiqSE"),
    ("argon2-cffi", "$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$gt9hrPizRKtRl16gGqj5VgQeMWIU+/FV5d9bJoKmKUQ"),
    ("argon2-cffi", "$argon2d$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$AEBFB68oe/aY3PDFeZRrEAWaRTPNsuCevRBEY662Llw"),
    ("argon2-cffi", "$argon2i$v=16$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$im2CfIf39ONQehAtJRROrly96/lTGVS+b6tTN1RvOzo"),
    ("argon2-cffi", "$argon2i$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$im2CfIf39ONQehAtJRROrly96/lTGVS+b6tTN1RvOzo"),
    ("LDAP", "{ARGON2}$argon2id$v=16$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$3WoOn5suYCeLxZd0vb2mVi/NDnJJHgIJP9z0GK7Sgyw"),
    ("bcrypt", "$2b$05$abcdefghijklmnopqrstuuzO6mK27CwuRfQuZDlOF/6vQFYfMYUsy"),
    ("bcrypt", "$2a$05$abcdefghijklmnopqrstuuzO6mK27CwuRfQuZDlOF/6vQFYfMYUsy"),
    ("libxcrypt", "$2y$05$abcdefghijklmnopqrstuuzO6mK27CwuRfQuZDlOF/6vQFYfMYUsy"),
    ("passlib", "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$Weh2R7FMG5FYXF7A0K7gVslKSV6FAadygGIqKkmpRBY"),
    ("passlib", "$pbkdf2$2000$MDEyMzQ1Njc4OWFiY2RlZg$1DpkgBBZCcD5jshQUKIUCzljHp0"),
    ("passlib", "$pbkdf2-sha256$2000$MDEyMzQ1Njc4OWFiY2RlZg$lSs.GSTqVwONWwbzwEuNKJnQ/8C7a6NBuhOd/rFlEq8"),
    (
        "passlib",
        "$pbkdf2-sha512$2000$MDEyMzQ1Njc4OWFiY2RlZg$mwqDeyLPckkkqiwuDtC.R5wKB75J9f8l4lrIcF/RYqK5BcztoQGOsFAf48kuwCBADnCaygVNH2prKiWSqI6wUA",
    ),
    ("passlib", "{PBKDF2}2000$MDEyMzQ1Njc4OWFiY2RlZg$1DpkgBBZCcD5jshQUKIUCzljHp0"),
    ("passlib", "{PBKDF2-SHA256}2000$MDEyMzQ1Njc4OWFiY2RlZg$lSs.GSTqVwONWwbzwEuNKJnQ/8C7a6NBuhOd/rFlEq8"),
    (
        "passlib",
        "{PBKDF2-SHA512}2000$MDEyMzQ1Njc4OWFiY2RlZg$mwqDeyLPckkkqiwuDtC.R5wKB75J9f8l4lrIcF/RYqK5BcztoQGOsFAf48kuwCBADnCaygVNH2prKiWSqI6wUA",
    ),
    ("libxcrypt", "$5$saltsalt$r6an.hbVkSzrYzRJECEeQmvVQmbSTPo2ePJTb.ixCa/"),
    ("libxcrypt", "$5$rounds=1234$0123456789abcdef$KTjXbiGU5s3f9xs.wHDBjz.gnjjkVcCcpG75TU.68o8"),
    ("libxcrypt", "$6$saltsalt$mmMN7Ab.VOUB3iZ/m.N0HLuTZkARTjIsFpjJTLJdbsssIDvmaIzoOFCw0NWykyTGMTcDNxZQNVl5w3JAl.9we0"),
    (
        "libxcrypt",
        "{CRYPT}$6$rounds=1234$0123456789abcdef$d9.rqXnzRtNBDnOMmNwE25XR1Oav331p2JTaK3FM7d8GJVs31mcYmv7Dn.bQrb/vK73cqf.NhoLqUk9GKy0tf1",
    ),
    ("libxcrypt", "$1$saltsalt$H6VNzwpVLCq6bTb9dUe5V."),
    ("libxcrypt", "{crypt}$1$ab$7KsvINrvysXS6Uvb4F.X01"),
    ("libxcrypt", "$y$j75$0123456789abcdef$pFiepjio6/d2BSUDXTV8f.vgBXNpy3DI4b1xGrQ.WO/"),
    ("libxcrypt", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$cAsd8HXsUZXqt8Oi.QOViHbrHlZc2cuG7Lunfc4Jjq9"),
    ("openssl", "$1$01234567$T/0gBgFnycFVxhw5r2zuU0"),
    ("openssl", "$5$01234567$eG16qv/00YMavQEAFEV3nVI75CBjPGEXgNiO5pXW.Y6"),
    ("openssl", "$6$01234567$8G70.LlCp2BgILrVb6gcHUkVD5xyCMlhQsYBM6zG.nzfuDlAQJ1VZ50h9ngk/Y38UpG10Qcmby8cVV/WXjhZw."),
    ("passlib", "{SSHA}r9xdM2wx3+a4Dy1GQyNw42GqZAkwMTIzNDU2Nw=="),
    ("passlib", "{SSHA256}KfTcKONawmw1mUITS8dZALdYgewoDlJrX0n2+RB7bd8wMTIzNDU2Nw=="),
    (
        "passlib",
        "{SSHA512}9Xjr7fy21mQwl5G7PShQEszX89hCFJMH84q+ewXTw4i/jFP2+VYvichQuGxK8oDKr/QhQDmLXnFOM1s8YLkmOzAxMjM0NTY3",
    ),
    (
        "keycloak",
        "$pbkdf2-sha512$i=2100$MDEyMzQ1Njc4OWFiY2RlZg==$KuTzFMbasG1ykWQZq2mOBgfOnfZTtNY90wXa2DEAx+9rpbIN2+c+r4zZl0xJvBWzjZvj7buuWjdmhW3hymz2Ug==",
    ),
    (
        "keycloak",
        "$pbkdf2-sha256$i=2100,l=64$MDEyMzQ1Njc4OWFiY2RlZg$LyoqFIVUB3nvYscgFz8SS3fovfe4dYMRTebIJ4cxeVyggEQ/0Lslw0wQeC5RI1iv9KgLlH9q122/tTFcPSB/Og",
    ),
    (
        "keycloak",
        "$pbkdf2$i=2100$MDEyMzQ1Njc4OWFiY2RlZg==$C1e68IErTi5mCpCq72Zv4EvR9nR+rT2XxTdVkCw0Iikz/wxbQsIRXqHmfLJClmhBfA2f1s7WcHpy1YgC9hiahg==",
    ),
];

fn verify(text: &str, password: &str) -> Result<bool, String> {
    let hash = ForeignHash::parse(text)?;
    hash.decoy(&Password::new(password.into())).expect("is computed");
    Ok(hash.verify(&Password::new(password.into())).expect("is computed"))
}

#[test]
fn what_others_made_takes_the_right_password_and_no_other() {
    for (maker, text) in HASHES {
        assert_eq!(verify(text, PASSWORD), Ok(true), "{maker} {text}");
        // The same, as another keyboard gives it.
        assert_eq!(verify(text, "pa\u{308}sswo\u{308}rd with € 42"), Ok(true), "{maker} {text}");
        for wrong in ["", "pässwörd with € 43", "pässwörd with € 4", "pässwörd with € 42 "] {
            assert_eq!(verify(text, wrong), Ok(false), "{maker} {text} with {wrong:?}");
        }
    }
}

#[test]
fn a_damaged_hash_is_refused_or_takes_no_password() {
    for (maker, text) in HASHES {
        // A letter of the tag, then of the salt and the costs, exchanged for another.
        for place in [text.len() - 8, text.rfind('$').map_or(10, |at| at - 2), text.len() / 2] {
            let other = if text.as_bytes()[place] == b'A' { "B" } else { "A" };
            let mut damaged = (*text).to_owned();
            damaged.replace_range(place..=place, other);
            assert_ne!(verify(&damaged, PASSWORD), Ok(true), "{maker} {damaged}");
        }
        // Padding may be left out.
        for cut in 0..text.trim_end_matches('=').len() {
            assert_ne!(verify(&text[..cut], PASSWORD), Ok(true), "{maker} {}", &text[..cut]);
        }
        assert!(ForeignHash::parse(&format!("{text}$")).is_err(), "{maker} {text}");
        assert!(ForeignHash::parse(&format!("{text} ")).is_err(), "{maker} {text}");
    }
}

#[test]
fn what_is_no_hash_of_a_known_kind_is_refused_in_words_that_do_not_repeat_it() {
    for text in [
        "",
        "hunter2hunter2",
        "$",
        "$$$$",
        "$2x$05$abcdefghijklmnopqrstuuzO6mK27CwuRfQuZDlOF/6vQFYfMYUsy",
        "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "{MD5}X03MO1qnZdYdgyfeuILPmQ==",
        "{CRYPT}rqXexS6ZhobKA",
        "{CLEARTEXT}hunter2hunter2",
        "md5$salt$0123456789abcdef0123456789abcdef",
        "$argon2id$v=18$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$fu0x8aODHZ1IrErU625e3OAIGIcxP5z/ZGp6MvGiqSE",
        "$argon2id$v=19$m=512,t=2,p=2,keyid=AA$MDEyMzQ1Njc4OWFiY2RlZg$fu0x8aODHZ1IrErU625e3OAIGIcxP5z/ZGp6MvGiqSE",
        "$2b$05$äbcdefghijklmnopqrstuuzO6mK27CwuRfQuZDlOF/6vQFYfMYUs",
        // Tags of one byte, which every 256th password fits, and of four.
        "$pbkdf2-sha256$2000$MDEyMzQ1Njc4OWFiY2RlZg$lS",
        "$argon2id$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$fu0x8Q",
        &format!("$6$saltsalt${}", "a".repeat(600)),
    ] {
        let said = ForeignHash::parse(text).map(drop).expect_err(text);
        for part in text.split(['$', '}']).filter(|part| part.len() > 7 && *part != "argon2id") {
            assert!(!said.contains(part), "{said}");
        }
    }
}

#[test]
fn a_bomb_of_any_kind_is_refused() {
    let (salt, tag) = ("MDEyMzQ1Njc4OWFiY2RlZg", "fu0x8aODHZ1IrErU625e3OAIGIcxP5z/ZGp6MvGiqSE");
    let long = "A".repeat(86);
    let crypt = ".".repeat(86);
    for bomb in [
        format!("$argon2id$v=19$m=65537,t=1,p=1${salt}${tag}"),
        format!("$argon2i$v=19$m=512,t=9,p=1${salt}${tag}"),
        format!("$argon2d$m=512,t=1,p=5${salt}${tag}"),
        format!("argon2$argon2id$v=19$m=4294967296,t=1,p=1${salt}${tag}"),
        "$2b$15$abcdefghijklmnopqrstuuzO6mK27CwuRfQuZDlOF/6vQFYfMYUsy".into(),
        "bcrypt_sha256$$2b$31$abcdefghijklmnopqrstuuzO6mK27CwuRfQuZDlOF/6vQFYfMYUsy".into(),
        format!("$scrypt$ln=17,r=8,p=1${salt}${tag}"),
        format!("$scrypt$ln=63,r=8,p=1${salt}${tag}"),
        format!("$scrypt$ln=200,r=8,p=1${salt}${tag}"),
        format!("$scrypt$ln=1,r=4294967295,p=1${salt}${tag}"),
        format!("$scrypt$ln=10,r=8,p=100000${salt}${tag}"),
        format!("scrypt$1048576$salt$8$1${tag}"),
        format!("$pbkdf2-sha256$2000001${salt}${tag}"),
        format!("$pbkdf2$i=1600000${salt}${long}"),
        format!("$pbkdf2-sha512$99999999999999${salt}${tag}"),
        format!("pbkdf2_sha256$4294967295$salt${tag}"),
        format!("{{PBKDF2-SHA256}}4294967295${salt}${tag}"),
        format!("$5$rounds=1000001$saltsalt${}", &crypt[..43]),
        format!("$6$rounds=999999999$saltsalt${crypt}"),
        // N = 2^20; then r, p and t that are too large.
        format!("$y$jHT$0123456789abcdef${}", &crypt[..43]),
        format!("$y$j9rz$0123456789abcdef${}", &crypt[..43]),
        format!("$y$j75.j$0123456789abcdef${}", &crypt[..43]),
        format!("$y$j75/j$0123456789abcdef${}", &crypt[..43]),
    ] {
        let said = ForeignHash::parse(&bomb).map(drop).expect_err(&bomb);
        assert!(said.contains("at most"), "{bomb}: {said}");
    }
    // A password is no bomb either: this would be hashed whole, a million times.
    let dear = format!("$6$rounds=1000$saltsalt${crypt}");
    assert_eq!(verify(&dear, &"x".repeat(1_000_000)), Ok(false));
}

#[test]
fn a_long_password_is_taken_as_far_as_its_maker_takes_it() {
    // libxcrypt, of 200 letters.
    let long = "$6$saltsalt$W90KfnZDYZcPsGdi731h2UBWmplSflE78wuG5G5iBp4WQ9EpM6hCRhJ466Vv5mdpYE67aY0/qLij9kcIgyoQC/";
    assert_eq!(verify(long, &"x".repeat(200)), Ok(true));
    assert_eq!(verify(long, &"x".repeat(201)), Ok(false));
    let of_512 = crypt::permuted(&sha_crypt::sha512_crypt(&[b'x'; 512], b"s", sha_crypt::Params::default()));
    let params = sha_crypt::Params::default();
    let hash = ForeignHash { scheme: Scheme::Sha512Crypt(params), salt: b"s".to_vec(), tag: of_512.to_vec() };
    assert!(hash.verify(&Password::new("x".repeat(512))).expect("is computed"));
    assert!(!hash.verify(&Password::new("x".repeat(513))).expect("is computed"), "what was cut off was not looked at");
}
