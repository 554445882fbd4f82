//! One's own sessions, as the console lists and ends them.

use std::time::Duration;

use crate::{
    console::{Desk, Page},
    harness::{PASSWORD, Server},
};

const OWN: &str = "/ui/account";

/// The sessions that a page offers to end: every one but its own.
fn others(page: &Page) -> Vec<String> {
    let buttons = page.html.split("name=\"session\" value=\"").skip(1);
    buttons.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_are_good_are_listed_the_newest_first() {
    let server = Server::start().await;
    server.person("ada").await;
    server.person("grace").await;
    server.token_of("local", "grace", PASSWORD).await;
    server.token_of("local", "ada", PASSWORD).await;
    let mut there = Desk::of(&server, "ada", PASSWORD).await;
    let mut here = Desk::of(&server, "ada", PASSWORD).await;
    let page = here.get(OWN).await.expect(200).says("this one").says("<td>the API</td>").says("<td>this console</td>");
    let [console, api] = &others(&page)[..] else { panic!("two others: {}", page.html) };
    let seen_there = others(&there.get(OWN).await.expect(200));
    assert_eq!(seen_there.len(), 2);
    assert!(!seen_there.contains(console) && seen_there[1] == *api, "{seen_there:?}");
    // One that has gone unused is over, and so is one whose time is.
    server.pass(Duration::from_secs(20 * 60)).await;
    here.get(OWN).await.expect(200);
    server.pass(Duration::from_secs(11 * 60)).await;
    assert_eq!(others(&here.get(OWN).await.expect(200)), std::slice::from_ref(api));
    server.execute("UPDATE sessions SET expires = created WHERE idle_limit = 0").await;
    let page = here.get(OWN).await.expect(200).says("<td>this console</td>").does_not_say("<td>the API</td>");
    assert!(others(&page).is_empty());
    there.get(OWN).await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_ended_or_all_of_them_are_and_nobody_elses() {
    let server = Server::start().await;
    server.person("ada").await;
    server.person("grace").await;
    let [ada, grace] =
        [server.token_of("local", "ada", PASSWORD).await, server.token_of("local", "grace", PASSWORD).await];
    let is_good = async |token: &str| server.call("GET", "/local-users").token(token).send().await.status == 403;
    let mut there = Desk::of(&server, "ada", PASSWORD).await;
    let mut here = Desk::of(&server, "ada", PASSWORD).await;
    let ended = server.measured("sessions_ended_total");
    let [console, _] = &others(&here.get(OWN).await.expect(200))[..] else { panic!("two others") };
    here.post("/ui/account/sessions", &[("session", console)]).await.expect(303);
    there.get(OWN).await.expect(303);
    assert_eq!(server.measured("sessions_ended_total"), ended + 1);
    assert!(is_good(&ada).await);
    // What has ended meanwhile need not be ended.
    here.post("/ui/account/sessions", &[("session", console)]).await.expect(303);
    assert_eq!(server.measured("sessions_ended_total"), ended + 1);
    here.post("/ui/account/sessions", &[("everywhere", "1")]).await.expect(303);
    here.get(OWN).await.expect(303);
    assert!(!is_good(&ada).await && is_good(&grace).await);
    assert_eq!(server.measured("sessions_ended_total"), ended + 3);
}
