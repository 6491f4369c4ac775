//! What is refused before anything is looked at.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::browser::Browser;
use crate::support::{Answer, App, authorization, basic};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn duplicates_are_refused_at_every_endpoint_that_takes_a_form() {
    let app = App::new().await;
    app.client("web").await;
    for (path, form) in [
        ("/token", "grant_type=client_credentials&grant_type=client_credentials"),
        ("/token", "grant_type=client_credentials&scope=openid&scope="),
        ("/token", "grant_type=client_credentials&sc%6fpe=a&scope=b"),
        ("/introspect", "token=a&token=b"),
        ("/revoke", "token=a&token=a"),
    ] {
        let answer = app.post_raw(path, Some(&basic("web")), form).await;
        assert_eq!((answer.status, answer.text("error")), (400, "invalid_request"), "{path} {form}");
    }
    let mut browser = Browser::new(&app);
    let page = browser.get("/sign-in").await;
    let (_, form) = page.form(&[("username", "ada"), ("password", "x")]);
    let form = format!("{form}&username=eve");
    let page = browser.step(axum::http::Method::POST, "/sign-in", Some(&form), &[]).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn only_forms_are_taken() {
    let app = App::new().await;
    app.client("web").await;
    let json = r#"{"grant_type":"client_credentials"}"#;
    for (content_type, body) in [
        (Some("application/json"), json),
        (Some("multipart/form-data; boundary=x"), "x"),
        (Some("application/x-www-form-urlencoded; charset=utf-16"), "grant_type=client_credentials"),
        (None, "grant_type=client_credentials"),
    ] {
        let mut request = Request::post("/token").header(header::AUTHORIZATION, basic("web"));
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let answer = Answer::of(app.send(request.body(Body::from(body)).unwrap()).await).await;
        assert_eq!((answer.status, answer.text("error")), (400, "invalid_request"), "{content_type:?}");
    }
    for form in ["grant_type=client%5", "grant_type=%ff", "a=%00&grant_type=client_credentials"] {
        let answer = app.post_raw("/token", Some(&basic("web")), form).await;
        assert_eq!((answer.status, answer.text("error")), (400, "invalid_request"), "{form}");
    }
}

#[tokio::test]
async fn sizes_and_numbers_are_limited() {
    let app = App::new().await;
    app.client("web").await;
    let large = format!("grant_type=client_credentials&x={}", "y".repeat(64 * 1024));
    let announced = app.post_raw("/token", Some(&basic("web")), &large).await;
    assert_eq!((announced.status, announced.text("error")), (413, "invalid_request"));
    // Without a length that could be looked at beforehand.
    let chunks = large.as_bytes().chunks(1_000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()));
    let body = Body::from_stream(tokio_stream_of(chunks.collect()));
    let request = Request::post("/token").header(header::CONTENT_TYPE, FORM).body(body).unwrap();
    assert_eq!(app.send(request).await.status(), StatusCode::PAYLOAD_TOO_LARGE);

    let many: String = (0..70).map(|n| format!("p{n}=1&")).collect();
    let answer = app.post_raw("/token", Some(&basic("web")), &many).await;
    assert_eq!((answer.status, answer.text("error")), (400, "invalid_request"));

    let mut browser = Browser::new(&app);
    let page = browser.get(&authorization("web", &[("x", &"y".repeat(17_000))])).await;
    assert_eq!((page.status, page.location()), (StatusCode::BAD_REQUEST, None));
}

#[tokio::test]
async fn secrets_in_an_address_are_refused_and_told_about() {
    let app = App::new().await;
    app.client("web").await;
    let answer = app
        .post("/token?client_secret=x", Some(&basic("web")), &[("grant_type", "client_credentials")])
        .await;
    assert_eq!((answer.status, answer.text("error")), (400, "invalid_request"));
    assert!(answer.text("error_description").contains("body"));
}

#[tokio::test]
async fn programs_get_problem_documents_and_people_pages() {
    let app = App::new().await;
    let answer = Answer::of(app.send(Request::get("/nowhere").body(Body::empty()).unwrap()).await).await;
    assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"));
    assert_eq!(answer.text("request_id"), answer.header("x-request-id"));
    let page = Browser::new(&app).get("/nowhere").await;
    assert!(page.status == StatusCode::NOT_FOUND && page.shows("There is nothing here"));
    assert!(page.shows(page.headers["x-request-id"].to_str().unwrap()));
}

fn tokio_stream_of(
    chunks: Vec<Result<Vec<u8>, std::io::Error>>,
) -> impl futures_util::Stream<Item = Result<Vec<u8>, std::io::Error>> {
    futures_util::stream::iter(chunks)
}
