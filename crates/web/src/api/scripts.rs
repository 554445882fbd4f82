//! Criteria Scripts and User Claim Scripts over REST.

use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    scripts::{self, CriteriaScript, Kind, ScriptInput, UserScript},
};
use schemars::JsonSchema;

use crate::{
    App,
    answer::{Done, List, Object, Result},
    extract::{Body, Create, Delete, Edit, Id, IfMatch, ListParameters, May, Subject, View},
    openapi::{about, may_clash},
};

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .merge(of::<CriteriaScript>(&Names {
            tag: "Criteria Scripts",
            collection: "/criteria-scripts",
            one: "/criteria-scripts/{id}",
            list: ("List Criteria Scripts", "listCriteriaScripts"),
            create: ("Create a Criteria Script", "createCriteriaScript"),
            get: ("Get a Criteria Script", "getCriteriaScript"),
            replace: ("Replace a Criteria Script", "replaceCriteriaScript"),
            delete: ("Delete a Criteria Script", "deleteCriteriaScript"),
        }))
        .merge(of::<UserScript>(&Names {
            tag: "User Claim Scripts",
            collection: "/user-scripts",
            one: "/user-scripts/{id}",
            list: ("List User Claim Scripts", "listUserScripts"),
            create: ("Create a User Claim Script", "createUserScript"),
            get: ("Get a User Claim Script", "getUserScript"),
            replace: ("Replace a User Claim Script", "replaceUserScript"),
            delete: ("Delete a User Claim Script", "deleteUserScript"),
        }))
}

/// How the operations of a kind of script are called: each by a summary and an id.
struct Names {
    tag: &'static str,
    collection: &'static str,
    one: &'static str,
    list: (&'static str, &'static str),
    create: (&'static str, &'static str),
    get: (&'static str, &'static str),
    replace: (&'static str, &'static str),
    delete: (&'static str, &'static str),
}

fn of<K: Kind + Subject + JsonSchema>(names: &Names) -> ApiRouter<App> {
    let &Names { tag, list: l, create: c, get: g, replace: r, delete: d, .. } = names;
    ApiRouter::new()
        .api_route(
            names.collection,
            get_with(list::<K>, about(l.0, l.1, tag))
                .post_with(create::<K>, move |op| may_clash(about(c.0, c.1, tag)(op))),
        )
        .api_route(
            names.one,
            get_with(get::<K>, about(g.0, g.1, tag))
                .put_with(replace::<K>, move |op| may_clash(about(r.0, r.1, tag)(op)))
                .delete_with(delete::<K>, move |op| may_clash(about(d.0, d.1, tag)(op))),
        )
}

async fn list<K: Kind + Subject>(
    State(directory): State<Directory>,
    may: May<View, K>,
    ListParameters(request): ListParameters,
) -> Result<List<K>> {
    List::send(scripts::list(&directory, &may.caller, request).await?).await
}

async fn get<K: Kind + Subject>(
    State(directory): State<Directory>,
    may: May<View, K>,
    Id(id): Id,
) -> Result<Object<K>> {
    Ok(Object(scripts::get(&directory, &may.caller, id).await?))
}

async fn create<K: Kind + Subject>(
    State(directory): State<Directory>,
    may: May<Create, K>,
    Body(input): Body<ScriptInput>,
) -> Result<Object<K>> {
    Ok(Object(scripts::create(&directory, &may.caller, input).await?))
}

async fn replace<K: Kind + Subject>(
    State(directory): State<Directory>,
    may: May<Edit, K>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
    Body(input): Body<ScriptInput>,
) -> Result<Object<K>> {
    Ok(Object(scripts::replace(&directory, &may.caller, id, expected, input).await?))
}

async fn delete<K: Kind + Subject>(
    State(directory): State<Directory>,
    may: May<Delete, K>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
) -> Result<Done> {
    scripts::delete::<K>(&directory, &may.caller, id, expected).await?;
    Ok(Done)
}
