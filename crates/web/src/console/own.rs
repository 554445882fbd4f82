//! One's own account: who one is, one's password, one's sessions, how pages look.

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use portreeve_directory::{
    Directory,
    caller::Privilege,
    error::{Error, Fault},
    login::{self, PasswordChangeInput},
    own_account::{self, OwnAccount},
    passwords::Password,
    sessions::{self, Live},
};
use uuid::Uuid;

use super::{
    form::{Form, Sent},
    page::{Answer, Chrome, Note, Section, set_cookies},
    problem::Problem,
    reader::THEME,
    session::{SignedIn, closed, guarded},
    text::{filters, t},
};

#[derive(Template)]
#[template(path = "console/own.html")]
struct Page {
    chrome: Chrome,
    account: OwnAccount,
    sessions: Vec<Live>,
    /// The session that the page is shown in.
    own_session: Uuid,
    privileges: Vec<Privilege>,
    form: Form,
}

async fn show(directory: &Directory, me: SignedIn, status: StatusCode, form: Form) -> Answer {
    let session = me.caller.session().ok_or(Error::Unauthorized)?;
    let page = Page {
        chrome: me.chrome(Section::Account),
        account: own_account::get(directory, &me.caller).await?,
        sessions: sessions::own(directory, &me.caller).await?,
        own_session: session.id,
        privileges: me.caller.authority().privileges().to_vec(),
        form,
    };
    me.page(status, &page)
}

/// `GET /ui/account`.
pub(super) async fn page(State(directory): State<Directory>, me: SignedIn) -> Answer {
    show(&directory, me, StatusCode::OK, Form::default()).await
}

/// `POST /ui/account/password`.
pub(super) async fn change_password(State(directory): State<Directory>, sent: Sent) -> Answer {
    let Sent { me, mut form } = sent;
    let (old, new, again) = (form.take("oldPassword"), form.take("password"), form.take("again"));
    if new != again {
        form.add_fault("again", t("password-differs"));
        return show(&directory, me, StatusCode::UNPROCESSABLE_ENTITY, form).await;
    }
    let input = PasswordChangeInput {
        old_password: Some(Password::new(old)),
        password: Some(Password::new(new)).filter(|_| !again.is_empty()),
    };
    let refused = match login::change_password(&directory, &me.caller, input).await {
        Ok(()) => return leave(),
        // It is the one field that this is said of.
        Err(Error::Forbidden(message)) => Error::Invalid(vec![Fault { field: "oldPassword".into(), message }]),
        Err(error) => error,
    };
    let status = form.refused(refused)?;
    show(&directory, me, status, form).await
}

/// To the page on which one signs in: all sessions have ended.
fn leave() -> Answer {
    let mut response = Redirect::to("/ui/sign-in").into_response();
    set_cookies(response.headers_mut(), &[closed()]);
    Ok(response)
}

/// `POST /ui/account/sessions`: ends one session, or all.
pub(super) async fn end_sessions(State(directory): State<Directory>, sent: Sent) -> Answer {
    let Sent { me, form } = sent;
    if form.has("everywhere") {
        sessions::end_everywhere(&directory, &me.caller).await?;
        return leave();
    }
    let id = Uuid::try_parse(form.get("session")).map_err(|_| Problem::stale_form())?;
    match sessions::end_own(&directory, &me.caller, id).await {
        // It has ended by itself meanwhile, which is what was wanted.
        Ok(()) | Err(Error::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    me.go(Section::Account.path(), Note::new("done-session-ended", ""))
}

/// `POST /ui/account/theme`: a matter of this browser, so the browser keeps it.
pub(super) async fn set_theme(sent: Sent) -> Answer {
    let Sent { mut me, form } = sent;
    let theme = form.get("theme").to_owned();
    let mut cookie = guarded(THEME, theme);
    match form.get("theme") {
        "light" | "dark" => cookie.set_max_age(cookie::time::Duration::days(400)),
        _ => cookie.make_removal(),
    }
    me.cookies.push(cookie);
    me.go(Section::Account.path(), Note::new("done-theme", ""))
}
