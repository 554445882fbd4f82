//! What every page of somebody who has signed in has around it: where one can go, what was just done, who one is.

use askama::Template;
use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use cookie::Cookie;
use portreeve_directory::{caller::Target, time::Timestamp};

use super::{
    assets,
    problem::Problem,
    reader::Reader,
    session::{SignedIn, cookie, guarded, removed},
    text::{t, t_with},
};

/// What a handler of the console returns.
pub(crate) type Answer = Result<Response, Problem>;

/// A part of the console, as the menu lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Home,
    LocalUsers,
    ServiceUsers,
    Roles,
    Policies,
    IdentityProviders,
    Tags,
    Blacklist,
    AuditLog,
    Settings,
    Account,
}

impl Section {
    /// What the menu lists. One's own account stands apart.
    const MENU: [Self; 10] = [
        Self::Home,
        Self::LocalUsers,
        Self::ServiceUsers,
        Self::Roles,
        Self::Policies,
        Self::IdentityProviders,
        Self::Tags,
        Self::Blacklist,
        Self::AuditLog,
        Self::Settings,
    ];

    /// Where it begins.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Home => "/ui/",
            Self::LocalUsers => "/ui/local-users",
            Self::ServiceUsers => "/ui/service-users",
            Self::Roles => "/ui/roles",
            Self::Policies => "/ui/policies",
            Self::IdentityProviders => "/ui/identity-providers",
            Self::Tags => "/ui/tags",
            Self::Blacklist => "/ui/blacklist",
            Self::AuditLog => "/ui/audit-log",
            Self::Settings => "/ui/settings",
            Self::Account => "/ui/account",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Home => "menu-home",
            Self::LocalUsers => "menu-local-users",
            Self::ServiceUsers => "menu-service-users",
            Self::Roles => "menu-roles",
            Self::Policies => "menu-policies",
            Self::IdentityProviders => "menu-identity-providers",
            Self::Tags => "menu-tags",
            Self::Blacklist => "menu-blacklist",
            Self::AuditLog => "menu-audit-log",
            Self::Settings => "menu-settings",
            Self::Account => "menu-account",
        }
    }

    /// The key that leads there, behind a `g`.
    fn key(self) -> &'static str {
        match self {
            Self::Home => "h",
            Self::LocalUsers => "u",
            Self::ServiceUsers => "s",
            Self::Roles => "r",
            Self::Policies => "p",
            Self::IdentityProviders => "i",
            Self::Tags => "t",
            Self::Blacklist => "b",
            Self::AuditLog => "l",
            Self::Settings => "e",
            Self::Account => "a",
        }
    }

    /// Whether somebody has anything to look for there. What they find is decided by the rules.
    fn is_for(self, me: &SignedIn) -> bool {
        match self {
            Self::Home => !me.caller.authority().privileges().is_empty(),
            Self::LocalUsers => me.sees(Target::LocalUser),
            Self::ServiceUsers => me.sees(Target::ServiceUser),
            Self::Roles => me.sees(Target::AdministrativeRole),
            Self::Policies => me.sees(Target::Policy),
            Self::IdentityProviders => me.sees(Target::IdentityProvider),
            Self::Tags => me.sees_all(Target::All),
            Self::Blacklist => me.sees(Target::Blacklist),
            Self::AuditLog => me.sees_all(Target::AuditLog),
            Self::Settings => me.sees_all(Target::GlobalSetting),
            Self::Account => true,
        }
    }
}

/// A way to a part of the console.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    pub(crate) key: &'static str,
    pub(crate) is_here: bool,
}

/// What stands around a page.
#[derive(Debug, Clone)]
pub(crate) struct Chrome {
    pub(crate) ways: Vec<Way>,
    pub(crate) own: Way,
    /// Who has signed in.
    pub(crate) name: String,
    /// What forms carry.
    pub(crate) proof: String,
    /// Whether forms for what is sensitive need not ask for the password.
    pub(crate) is_fresh: bool,
    /// What was just done.
    pub(crate) note: Option<String>,
    reader: Reader,
}

impl Chrome {
    pub(crate) fn style(&self) -> &'static str {
        assets::style()
    }

    pub(crate) fn script(&self) -> &'static str {
        assets::script()
    }

    pub(crate) fn htmx(&self) -> &'static str {
        assets::htmx()
    }

    pub(crate) fn icon(&self) -> &'static str {
        assets::icon()
    }

    pub(crate) fn theme(&self) -> &'static str {
        self.reader.theme()
    }

    pub(crate) fn zone(&self) -> &str {
        self.reader.zone()
    }

    /// Markup: the moment in the reader's zone.
    pub(crate) fn time(&self, moment: &Timestamp) -> String {
        self.reader.time(*moment)
    }
}

impl SignedIn {
    /// What stands around a page in a part of the console.
    pub(crate) fn chrome(&self, here: Section) -> Chrome {
        let way = |section: Section| Way {
            path: section.path(),
            name: section.name(),
            key: section.key(),
            is_here: section == here,
        };
        Chrome {
            ways: Section::MENU.into_iter().filter(|section| section.is_for(self)).map(way).collect(),
            own: way(Section::Account),
            name: self.caller.session().map(|session| session.name.clone()).unwrap_or_default(),
            proof: self.proof(),
            is_fresh: self.is_fresh(),
            note: self.note.as_ref().map(Note::text),
            reader: self.reader.clone(),
        }
    }

    fn with_cookies(&self, mut response: Response) -> Response {
        set_cookies(response.headers_mut(), &self.cookies);
        response
    }

    /// A page.
    pub(crate) fn page(&self, status: StatusCode, page: &impl Template) -> Answer {
        let response = html(status, page)?;
        Ok(self.with_cookies(response))
    }

    /// On to another page, which says what was done.
    pub(crate) fn go(mut self, path: &str, note: Note) -> Answer {
        self.cookies.retain(|cookie| cookie.name() != NOTE);
        self.cookies.push(note.cookie());
        Ok(self.with_cookies(Redirect::to(path).into_response()))
    }
}

/// A page as it is sent.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Answer {
    Ok((status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page.render()?).into_response())
}

/// Sets cookies in the browser.
pub(crate) fn set_cookies(headers: &mut HeaderMap, cookies: &[Cookie<'static>]) {
    for cookie in cookies {
        headers.extend(cookie.encoded().to_string().try_into().ok().map(|value| (header::SET_COOKIE, value)));
    }
}

const NOTE: &str = "__Host-portreeve-note";

/// What was done, for the next page to say, once.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    what: String,
    name: String,
}

impl Note {
    /// `what` is the name of a text that begins with `done-`; `name` that of the object it was done to.
    pub(crate) fn new(what: &str, name: impl Into<String>) -> Self {
        Self { what: what.into(), name: name.into() }
    }

    /// What the request before this one left.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = cookie(headers, NOTE)?;
        let (what, name) = value.split_once('|')?;
        what.starts_with("done-").then(|| Self::new(what, name))
    }

    pub(crate) fn removed() -> Cookie<'static> {
        removed(NOTE)
    }

    fn cookie(&self) -> Cookie<'static> {
        let mut cookie = guarded(NOTE, format!("{}|{}", self.what, self.name));
        cookie.set_max_age(cookie::time::Duration::minutes(1));
        cookie
    }

    fn text(&self) -> String {
        if self.name.is_empty() { t(&self.what).into_owned() } else { t_with(&self.what, "name", self.name.as_str()) }
    }
}
