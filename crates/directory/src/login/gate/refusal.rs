//! Why someone was not let in, as the audit log says it.

/// Why someone was not let in. For the audit log; the one at the door learns only that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownProvider,
    UnknownAccount,
    NoPassword,
    Disabled,
    Blacklisted,
    Locked,
    Blocked,
    WrongPassword,
    WrongPasswordLocks,
    AccountChanged,
}

impl Refusal {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownProvider => "unknown provider",
            Self::UnknownAccount => "unknown account",
            Self::NoPassword => "account without password",
            Self::Disabled => "account disabled",
            Self::Blacklisted => "account blacklisted",
            Self::Locked => "account locked",
            Self::Blocked => "account blocked after 100 failures",
            Self::WrongPassword => "wrong password",
            Self::WrongPasswordLocks => "wrong password, account locked",
            Self::AccountChanged => "account changed during the login",
        }
    }
}
