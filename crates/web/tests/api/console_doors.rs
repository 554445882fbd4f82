//! Every page of the console: shown to nobody who has not signed in, and no form taken that does not carry what ours carry.

use std::{fs, path::Path};

use crate::{
    console::Desk,
    harness::{PASSWORD, Server},
};

/// Every route with `{accounts}` for both kinds of account, and whether forms are sent there.
const PAGES: [(&str, bool); 48] = [
    ("/ui/", false),
    ("/ui/sign-out", true),
    ("/ui/account", false),
    ("/ui/account/password", true),
    ("/ui/account/sessions", true),
    ("/ui/account/theme", true),
    ("/ui/{accounts}", false),
    ("/ui/{accounts}/bulk", true),
    ("/ui/{accounts}/new", true),
    ("/ui/{accounts}/{id}", true),
    ("/ui/{accounts}/{id}/edit", true),
    ("/ui/{accounts}/{id}/password", true),
    ("/ui/{accounts}/{id}/delete", true),
    ("/ui/{accounts}/{id}/rights", false),
    ("/ui/{accounts}/{id}/sessions", true),
    ("/ui/{accounts}/{id}/history", false),
    ("/ui/roles", false),
    ("/ui/roles/new", true),
    ("/ui/roles/{id}", false),
    ("/ui/roles/{id}/edit", true),
    ("/ui/roles/{id}/delete", true),
    ("/ui/roles/{id}/history", false),
    ("/ui/policies", false),
    ("/ui/policies/new", true),
    ("/ui/policies/check", true),
    ("/ui/policies/try", true),
    ("/ui/policies/{id}", true),
    ("/ui/policies/{id}/edit", true),
    ("/ui/policies/{id}/delete", true),
    ("/ui/policies/{id}/history", false),
    ("/ui/identity-providers", false),
    ("/ui/identity-providers/words", false),
    ("/ui/identity-providers/{id}", false),
    ("/ui/identity-providers/{id}/edit", true),
    ("/ui/identity-providers/{id}/history", false),
    ("/ui/tags", false),
    ("/ui/tags/new", true),
    ("/ui/tags/{id}", true),
    ("/ui/tags/{id}/delete", true),
    ("/ui/blacklist", false),
    ("/ui/blacklist/new", true),
    ("/ui/blacklist/remove", true),
    ("/ui/audit-log", false),
    ("/ui/audit-log/export", false),
    ("/ui/audit-log/{id}", false),
    ("/ui/settings", false),
    ("/ui/settings/edit", true),
    ("/ui/settings/reset", true),
];

/// Routes that are for everybody: the way to the console, the page to sign in, what pages load, and all that is none.
const OPEN: usize = 5;

fn all() -> impl Iterator<Item = (String, bool)> {
    let id = "00000000-0000-0000-0000-000000000000";
    let kinds = |path: &str| match path.contains("{accounts}") {
        true => ["local-users", "service-users"].iter().map(|kind| path.replace("{accounts}", kind)).collect(),
        false => vec![path.to_owned()],
    };
    PAGES.iter().flat_map(move |(path, posts)| kinds(&path.replace("{id}", id)).into_iter().map(|path| (path, *posts)))
}

fn count(folder: &Path, what: &str) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(
            |path| {
                if path.is_dir() {
                    count(&path, what)
                } else {
                    fs::read_to_string(&path).unwrap().matches(what).count()
                }
            },
        )
        .sum()
}

#[test]
fn no_page_is_left_out_here() {
    let console = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console");
    assert_eq!(count(&console, ".route("), PAGES.len() + OPEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_asked_to_sign_in_wherever_they_go() {
    let server = Server::start().await;
    for (path, posts) in all() {
        let mut desk = Desk::new(&server);
        if path != "/ui/sign-out" && !path.ends_with("/check") && !path.ends_with("/try") {
            let page = desk.get(&path).await.expect(303);
            assert!(page.place().starts_with("/ui/sign-in?next="), "{path}: {}", page.place());
        }
        if posts {
            let page = desk.post(&path, &[("name", "mallory")]).await.expect(303);
            assert!(page.place().starts_with("/ui/sign-in"), "{path}: {}", page.place());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_is_taken_that_is_not_one_of_ours() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    for (path, posts) in all() {
        if posts {
            desk.post_with(&path, "forged", &[("act", "disable"), ("sure", "1")])
                .await
                .expect(403)
                .says("another session");
        }
    }
    // Whoever holds no privilege is refused whatever they send, but for what is their own.
    server.person("ada").await;
    let mut ada = Desk::of(&server, "ada", PASSWORD).await;
    ada.get("/ui/account").await.expect(200);
    let own = |path: &str| path.starts_with("/ui/account") || path == "/ui/sign-out" || path == "/ui/";
    for (path, posts) in all().filter(|(path, _)| !own(path)) {
        if !path.ends_with("/check") && !path.ends_with("/try") {
            let page = ada.get(&path).await;
            assert!(matches!(page.status, 403 | 404), "{path} -> {}", page.status);
        }
        if posts {
            let fields =
                [("act", "disable"), ("sure", "1"), ("provider", "local"), ("name", "admin"), ("tryAccount", "admin")];
            let page = ada.post(&path, &fields).await;
            assert!(matches!(page.status, 403 | 404), "POST {path} -> {}\n{}", page.status, page.html);
        }
    }
}
