//! A form for a new account, and one for an account that there is.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use portreeve_directory::{Directory, caller::PrivilegeType, error::Error};
use uuid::Uuid;

use super::{acts, kind::Kind};
use crate::{
    console::{
        form::{Form, Sent},
        page::{Answer, Chrome, Note},
        session::SignedIn,
        text::filters,
    },
    extract::Id,
};

/// Empty rows for labels below those that there are.
const SPARE_LABELS: usize = 2;

#[derive(Template)]
#[template(path = "console/account_edit.html")]
struct Page {
    chrome: Chrome,
    is_person: bool,
    /// Of the account that there is.
    name: Option<String>,
    /// Where the form goes to.
    action: String,
    /// Where one goes who changes nothing.
    back: String,
    form: Form,
}

impl Page {
    fn of<K: Kind>(me: &SignedIn, existing: Option<(Uuid, String)>, form: Form) -> Self {
        let path = K::SECTION.path();
        let (name, action, back) = match existing {
            None => (None, format!("{path}/new"), path.to_owned()),
            Some((id, name)) => (Some(name), format!("{path}/{id}/edit"), format!("{path}/{id}")),
        };
        Self { chrome: me.chrome(K::SECTION), is_person: K::IS_PERSON, name, action, back, form }
    }

    /// Keys and values, and room for more.
    fn labels(&self) -> Vec<(&str, &str)> {
        let pairs = self.form.all("labelKey").zip(self.form.all("labelValue"));
        let filled = pairs.filter(|(key, value)| !(key.is_empty() && value.is_empty()));
        filled.chain(std::iter::repeat_n(("", ""), SPARE_LABELS)).collect()
    }
}

/// `GET …/new`.
pub(super) async fn new<K: Kind>(me: SignedIn) -> Answer {
    me.caller.authorize(PrivilegeType::Create, K::TARGET)?;
    let page = Page::of::<K>(&me, None, Form::default());
    me.page(StatusCode::OK, &page)
}

/// `POST …/new`.
pub(super) async fn create<K: Kind>(State(directory): State<Directory>, sent: Sent) -> Answer {
    let Sent { me, mut form } = sent;
    let error = match check_labels(&form) {
        Ok(()) => match K::create(&directory, &me.caller, K::input_of(&form)).await {
            Ok(made) => {
                let made = made.object.common();
                return me.go(&format!("{}/{}", K::SECTION.path(), made.id), Note::new("done-created", made.name));
            }
            Err(error) => error,
        },
        Err(error) => error,
    };
    let status = form.refused(error)?;
    me.page(status, &Page::of::<K>(&me, None, without_secrets(form)))
}

/// `GET …/{id}/edit`.
pub(super) async fn page<K: Kind>(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    me.caller.authorize_edit(K::TARGET)?;
    let seen = K::look_at(&directory, &me.caller, id).await?;
    let existing = Some((id, seen.object.common().name.to_owned()));
    let page = Page::of::<K>(&me, existing, seen.object.form());
    me.page(StatusCode::OK, &page)
}

/// `POST …/{id}/edit`.
pub(super) async fn save<K: Kind>(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { me, mut form } = sent;
    let name = K::look_at(&directory, &me.caller, id).await?.object.common().name.to_owned();
    let saved = match check_labels(&form) {
        Ok(()) => {
            acts::write::<K>(&directory, &me.caller, id, |account| {
                // A wrong password changes the account too, and is no reason to lose what was filled in.
                if account.common().updated.to_string() == form.get("updated") {
                    Ok(K::input_of(&form))
                } else {
                    Err(Error::PreconditionFailed)
                }
            })
            .await
        }
        Err(error) => Err(error),
    };
    match saved {
        Ok(()) => me.go(&format!("{}/{id}", K::SECTION.path()), Note::new("done-saved", form.get("name"))),
        Err(error) => {
            let status = form.refused(error)?;
            me.page(status, &Page::of::<K>(&me, Some((id, name)), form))
        }
    }
}

/// A key that is there twice would lose one of its values.
fn check_labels(form: &Form) -> Result<(), Error> {
    let mut keys: Vec<&str> = form.all("labelKey").filter(|key| !key.is_empty()).collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::invalid("labels", format!("has the key {} twice", pair[0]))),
        None => Ok(()),
    }
}

fn without_secrets(mut form: Form) -> Form {
    form.take("password");
    form
}
