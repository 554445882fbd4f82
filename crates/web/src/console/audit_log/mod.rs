//! The pages of the audit log: what was done, searched and filtered, record by record. All that is asked for is in the
//! address, so that it can be kept and linked to.

mod export;

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    routing::get,
};
use portreeve_directory::{
    Directory,
    audit::{self, Period},
    list::Request,
};
use uuid::Uuid;

use super::{
    form::Form,
    history::Entry,
    listing::{Asked, Rows},
    page::{Answer, Chrome, Section},
    session::SignedIn,
    text::{filters, t},
};
use crate::{App, extract::Id};

const SECTION: Section = Section::AuditLog;

/// Parameters of the address and the fields that they ask about.
const FILTERS: [(&str, &str); 8] = [
    ("actor", "actor"),
    ("act", "act"),
    ("outcome", "outcome"),
    ("kind", "objectKind"),
    ("object", "objectName"),
    ("source", "source"),
    ("id", "objectId"),
    ("request", "requestId"),
];
/// Those that are seldom asked for.
const MORE: [&str; 6] = ["actor", "kind", "object", "source", "from", "to"];

const OUTCOMES: &[&str] = &["done", "refused", "failed"];
/// What is done, in the words of the directory.
const ACTS: &[&str] = &[
    "login",
    "logout",
    "create",
    "edit",
    "delete",
    "change password",
    "reset password",
    "end session",
    "end all sessions",
    "revoke tokens",
    "run script",
    "restore",
];
/// What it is done to, in the words of the directory.
const KINDS: &[&str] = &[
    "LocalUser",
    "ServiceUser",
    "AdministrativeRole",
    "Policy",
    "CriteriaScript",
    "UserClaimScript",
    "IdentityProvider",
    "Tag",
    "Blacklist",
    "RegisteredDevice",
    "GlobalSetting",
    "IpPool",
];

pub(super) fn routes() -> Router<App> {
    let at = |rest: &str| format!("{}{rest}", SECTION.path());
    Router::new().route(&at(""), get(list)).route(&at("/export"), get(export::export)).route(&at("/{id}"), get(record))
}

/// The days that are asked for, as the reader's zone has them; what is no day is a fault of its field.
fn period(me: &SignedIn, asked: &Asked) -> (Period, Form) {
    let mut form = Form::default();
    let (from, to) = (asked.get("from"), asked.get("to"));
    let period = Period { from: me.reader.day(from), until: me.reader.day_after(to) };
    for (field, text, moment) in [("from", from, period.from), ("to", to, period.until)] {
        if !text.is_empty() && moment.is_none() {
            form.add_fault(field, t("audit-day-wrong"));
        }
    }
    (period, form)
}

#[derive(Template)]
#[template(path = "console/audit_log.html")]
struct ListPage {
    chrome: Chrome,
    rows: Rows<Entry>,
    /// Addresses of the same records as files.
    csv: String,
    ndjson: String,
    form: Form,
}

impl ListPage {
    /// Whether anything of what is folded away is asked for.
    fn asks_more(&self) -> bool {
        MORE.iter().any(|name| !self.rows.asked.get(name).is_empty())
    }

    /// The values to choose from, with one that came with the address and is none of them.
    fn choices<'a>(&'a self, name: &str, known: &[&'a str]) -> Vec<&'a str> {
        let asked = self.rows.asked.get(name);
        let other = Some(asked).filter(|asked| !asked.is_empty() && !known.contains(asked));
        known.iter().copied().chain(other).collect()
    }
}

/// `GET /ui/audit-log`.
async fn list(State(directory): State<Directory>, me: SignedIn, RawQuery(query): RawQuery) -> Answer {
    let asked = Asked::new(SECTION.path(), query.as_deref());
    let (period, form) = period(&me, &asked);
    let file = Asked::new(format!("{}/export", SECTION.path()), query.as_deref());
    // What is not understood must not show more than was asked for.
    let understood = form.faults().is_empty();
    let request =
        if understood { asked.request(&FILTERS) } else { Request { range: Some("0-0".into()), ..Request::default() } };
    let listing = audit::list(&directory, &me.caller, request, period).await?;
    let rows = match understood {
        true => Rows::read(asked, listing).await?.map(Entry::from),
        false => Rows { asked, rows: Vec::new(), matching: 0, total: 0 },
    };
    let status = if understood { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (csv, ndjson) = (file.with("format", "csv"), file.with("format", "ndjson"));
    me.page(status, &ListPage { chrome: me.chrome(SECTION), rows, csv, ndjson, form })
}

#[derive(Template)]
#[template(path = "console/audit_record.html")]
struct RecordPage {
    chrome: Chrome,
    object_id: Option<Uuid>,
    entry: Entry,
}

/// `GET /ui/audit-log/{id}`.
async fn record(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    let record = audit::get(&directory, &me.caller, id).await?;
    let page = RecordPage { chrome: me.chrome(SECTION), object_id: record.object_id, entry: Entry::from(record) };
    me.page(StatusCode::OK, &page)
}
