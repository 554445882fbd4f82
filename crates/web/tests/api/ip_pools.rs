//! IP Pools: there to be read and named, and for nothing else.

use serde_json::json;

use crate::harness::{LOCAL, PASSWORD, Server};

const V4: &str = "01998f00-0000-7000-8000-000000000021";
const V6: &str = "01998f00-0000-7000-8000-000000000022";

#[tokio::test(flavor = "multi_thread")]
async fn there_are_two_from_the_start() {
    let server = Server::start().await;
    let list = server.get("/ip-pools").await.expect(200);
    assert_eq!(list.names(), ["default pool v4", "default pool v6"]);
    let notes = "There to be named by Identity Providers. Portreeve assigns no addresses.";
    for (id, name, six, first, last) in [
        (V4, "default pool v4", false, "10.0.0.1", "10.0.0.254"),
        (V6, "default pool v6", true, "fd00::1", "fd00::fffe"),
    ] {
        let one = server.get(&format!("/ip-pools/{id}")).await.expect(200);
        assert_eq!(
            one.timeless(),
            json!({ "id": id, "name": name, "notes": notes, "tags": ["builtin"], "ipVersion6": six,
                "ranges": [{ "first": first, "last": last }] })
        );
        assert!(list.json["data"].as_array().unwrap().contains(&one.json));
        let unchanged = server.call("GET", &format!("/ip-pools/{id}")).header("if-none-match", one.header("etag"));
        unchanged.send().await.expect(304);
    }
    assert_eq!(server.get("/ip-pools?query=V6&tags=builtin").await.names(), ["default pool v6"]);
    assert_eq!(server.get("/ip-pools?tags=other").await.names(), [""; 0]);
    server.get(&format!("/ip-pools/{LOCAL}")).await.expect(404);
    let server = server.restart().await;
    assert_eq!(server.get("/ip-pools").await.names(), ["default pool v4", "default pool v6"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn they_can_be_read_and_nothing_else() {
    let server = Server::start().await;
    let one = format!("/ip-pools/{V4}");
    let body = json!({ "name": "mine", "ranges": [] });
    for (method, path) in
        [("POST", "/ip-pools"), ("DELETE", "/ip-pools"), ("PUT", &*one), ("DELETE", &*one), ("POST", &*one)]
    {
        let refused = server.call(method, path).json(body.clone()).send().await.expect(405);
        assert_eq!(refused.header("allow"), "GET,HEAD", "{method} {path}");
    }
    assert_eq!(server.get("/ip-pools").await.json["totalCount"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_is_needed() {
    let server = Server::start().await;
    server.person("bobby").await;
    let token = server.token_of("local", "bobby", PASSWORD).await;
    for path in ["/ip-pools".to_owned(), format!("/ip-pools/{V6}")] {
        let refused = server.call("GET", &path).token(&token).send().await.expect(403);
        assert!(refused.json["message"].as_str().unwrap().contains("View on IpPool"));
        server.call("GET", &path).anonymous().send().await.expect(401);
    }
}
