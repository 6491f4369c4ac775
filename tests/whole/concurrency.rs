//! Many at the same instant, over sockets: of what may be used once, one use counts.

use std::sync::Arc;

use http::StatusCode;
use tokio::task::JoinSet;

use crate::support::{Answer, Bench, House};

/// How many come at once.
const MANY: usize = 60;

/// The answers to the same request from many.
async fn all<F>(house: &Arc<House>, ask: impl Fn(Arc<House>) -> F) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let mut asking = JoinSet::new();
    for _ in 0..MANY {
        asking.spawn(ask(Arc::clone(house)));
    }
    asking.join_all().await
}

/// Those that got something; all others were told the same.
fn winners(answers: Vec<Answer>) -> Vec<Answer> {
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == StatusCode::OK);
    for answer in lost {
        assert_eq!((answer.status, &*answer.text("error")), (StatusCode::BAD_REQUEST, "invalid_grant"));
    }
    won
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_gives_once_and_its_replays_take_that_back() {
    let house = Arc::new(House::new().await);
    for _ in 0..5 {
        let code = house.code(&mut house.browser()).await;
        let answers = all(&house, |house| {
            let code = code.clone();
            async move { house.redeem(&code).await }
        });
        // A replay may come before the winner has its answer, who then gets nothing either.
        let won = winners(answers.await);
        assert!(won.len() <= 1, "{won:?}");
        for answer in won {
            let access = answer.text("access_token");
            house.soon_refused(("authorization", &format!("Bearer {access}"))).await;
            assert_eq!(house.refresh(&answer.text("refresh_token")).await.text("error"), "invalid_grant");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_grace_a_refresh_token_gives_once() {
    let house = Arc::new(House::start(Bench::new(1), "refresh_grace = \"0s\"\n").await);
    for _ in 0..5 {
        let token = house.tokens().await.refresh;
        let answers = all(&house, |house| {
            let token = token.clone();
            async move { house.refresh(&token).await }
        });
        let won = winners(answers.await);
        assert_eq!(won.len(), 1, "{won:?}");
        // Two parties held it: the one who was first keeps nothing.
        assert_eq!(house.refresh(&won[0].text("refresh_token")).await.text("error"), "invalid_grant");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_grace_one_line_of_succession_is_left() {
    let house = Arc::new(House::new().await);
    let token = house.tokens().await.refresh;
    let answers = all(&house, |house| {
        let token = token.clone();
        async move { house.refresh(&token).await }
    });
    let won = winners(answers.await);
    assert_eq!(won.len(), MANY, "a lost answer may be fetched again");
    house.bench.pass(std::time::Duration::from_secs(11));
    // Of all successors one is unspent. Whoever comes with another shows that two parties hold the grant.
    let mut given = 0;
    for answer in won {
        given += usize::from(house.refresh(&answer.text("refresh_token")).await.status == StatusCode::OK);
    }
    assert!(given <= 1, "{given} lines of succession");
}
