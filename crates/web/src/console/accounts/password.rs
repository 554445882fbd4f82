//! A new password for an account: one that the administrator types, or for a machine one that nobody chose, shown once.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use portreeve_directory::{Directory, caller::PrivilegeType, passwords::Password};
use uuid::Uuid;

use super::{
    acts::{self, Act},
    kind::Kind,
};
use crate::{
    console::{
        form::{Form, Sent},
        page::{Answer, Chrome, Note},
        session::SignedIn,
        text::{filters, t},
    },
    extract::Id,
};

#[derive(Template)]
#[template(path = "console/account_password.html")]
struct Page {
    chrome: Chrome,
    name: String,
    /// Of the account.
    path: String,
    form: Form,
}

#[derive(Template)]
#[template(path = "console/account_password_made.html")]
struct Made {
    chrome: Chrome,
    name: String,
    path: String,
    password: String,
}

async fn show<K: Kind>(directory: &Directory, me: SignedIn, id: Uuid, status: StatusCode, form: Form) -> Answer {
    let name = K::look_at(directory, &me.caller, id).await?.object.common().name.to_owned();
    let path = format!("{}/{id}", K::SECTION.path());
    let page = Page { chrome: me.chrome(K::SECTION), name, path, form };
    me.page(status, &page)
}

/// `GET …/{id}/password`.
pub(super) async fn page<K: Kind>(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    me.caller.authorize(PrivilegeType::Edit, K::TARGET)?;
    show::<K>(&directory, me, id, StatusCode::OK, Form::default()).await
}

/// `POST …/{id}/password`.
pub(super) async fn set<K: Kind>(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    let (password, again) = (form.take("password"), form.take("again"));
    let makes = form.has("make");
    if !makes && password != again {
        form.add_fault("again", t("password-differs"));
    }
    if !makes && password.is_empty() {
        form.add_fault("password", t("password-missing"));
    }
    if !me.confirm(&directory, &mut form).await? || !form.faults().is_empty() {
        return show::<K>(&directory, me, id, StatusCode::UNPROCESSABLE_ENTITY, form).await;
    }
    let password = if makes { directory.new_password() } else { password };
    let act = Act::SetPassword(Password::new(password.clone()));
    if let Err(error) = acts::run::<K>(&directory, &me.caller, id, &act).await {
        let status = form.refused(error)?;
        return show::<K>(&directory, me, id, status, form).await;
    }
    let name = K::look_at(&directory, &me.caller, id).await?.object.common().name.to_owned();
    let path = format!("{}/{id}", K::SECTION.path());
    if makes {
        let made = Made { chrome: me.chrome(K::SECTION), name, path, password };
        return me.page(StatusCode::OK, &made);
    }
    me.go(&path, Note::new("done-password-set", name))
}
