//! Hashes made by other programs: Apache's `htpasswd`, OpenSSL's `passwd`, the reference implementation of Argon2.

use std::sync::Arc;
use std::time::Duration;

use crate::htpasswd::{Htpasswd, Problem};
use crate::{Busy, HashError, Hasher, Limits, Unsupported, Verdict, is_supported};
use countersign_model::{PasswordHashText, SecretString, SystemRng, Username};
use proptest::prelude::*;

const LONG: &str = "pässwörd 0123456789abcdef0123456789";

const WEAK: [(&str, &str); 20] = [
    ("a", "$apr1$n21iNGYz$pNs4gAQhzzKoui.Xn1cpA0"),
    ("a", "$2y$05$UyuYRuVYQlZo6T6vbU6rVu3NYfdxjvCLIoP5s9Z0Wm/gUhdWD4JC6"),
    ("a", "$5$SPtQnOuWdMxcJ5N8$ViUrln2.CRu9Z5fk4iSAVTqOFk2ym0a0chwdYOKwUhC"),
    (
        "a",
        "$6$rounds=1234$SoyTe/7hTxD.R8k2$Pnu3D8lXDnHZ6dxh.GLiEp2Lhj1NAUBUTW.jV9IXO7Lbz6LEAMjwCnZrXO2.Ekuqb7X.I2E5TM8PXs4OcWZpX0",
    ),
    ("a", "$5$abcdefghijklmnop$DPoS.d1vEHDatG9aGvI6mut5WS6yqh2q9mihBYl8JQ/"),
    ("a", "$6$xyz$QdWnVhA9Jebjwi2.aD6Ly.KW69PwO5EGuibLjRJJD0W6WnB3HQvkGo583.VFK9X0vAjnP9YImpHqvDtuj2M.s/"),
    ("correct horse", "$apr1$0aAxnnUy$XE1Y//qVp1M7rT.5WIWsA/"),
    ("correct horse", "$2y$05$twpAToB3PCCew0GuCs4Apu8rlfNCQuZGG0EI.G65vhZ8UnSxOwLZu"),
    ("correct horse", "$5$SNCjc69b1/YznJqD$j50Is3CTQ2DtIGi54XrGUEGKNwGHomv7ealtsPelkKC"),
    (
        "correct horse",
        "$6$rounds=1234$xnRJ5NI8TbCE9SSV$aw9dyu2NeKBPDwRfEJRdIVkDZ4aPSnhbTyZ/Oh5fI.8pnb.vnuqRR.g.hEKN.MaHGOfp0TkUBDFXnlEVXHrkv0",
    ),
    ("correct horse", "$5$abcdefghijklmnop$eLlGDRRp0Ru9mPmgmlr4LXrFitzWX28EZT5eMNr5fN6"),
    (
        "correct horse",
        "$6$xyz$A6xWUttqNGmYWq2sz8IJ5iJW91/6DIdzRd7lVW1ko/D3CwGgrvne4sRa5gLszUqTGzFThn.OThfhxwLUrb0dl/",
    ),
    (LONG, "$apr1$ptDspq4Q$U/qysT042y.JGgwsT67wo1"),
    (LONG, "$2y$05$knfeaYa8ZKovO9jv5gcZgu2.uPQKbb4Gx0jXJafc/8aHRcYsaswry"),
    (LONG, "$5$jtYs/IRUxiQjtnFT$RLEaMrO4A9wb9R3ID9IbjvqL6.4dU9k/tum.LSUFkWC"),
    (
        LONG,
        "$6$rounds=1234$DG.tKOWre0THrB6P$aqDnv0aYOmGjHvcabxMZPNgcohx4n1h4bQUBjNenDId.aUmiYTLINp256LHkhet1Fj1wd8fAzaB6A4zxy9uEg1",
    ),
    (LONG, "$5$abcdefghijklmnop$XPvbj7FpU0K1Nr8mUqv8gFuEHD.caXpfGwTtdsFEkd."),
    (LONG, "$6$xyz$e6TuSAd8u9JdXFbaqpxel0NR.Kdk2kbajAFF5NVKhelhqD3UdS848MJmtCXANLF.leoLupTCQG.o3Q7tT9p8N."),
    (
        "correct horse",
        "$argon2i$v=19$m=1024,t=1,p=2$q95H+YQMn6tRVER9ClumTw$n2EhmLHiAszeIj4x3R1DlhLp8XE+j0vfAJ2Sh8RB7Xs",
    ),
    (
        "correct horse",
        "$argon2d$v=19$m=64,t=3,p=1$EeH+do9zHGm6o4qUwiWr6Q$YRS6OnSaliq37tydirSXT1eSQl2D9/BuK5P7FaI83G0",
    ),
];
const STRONG: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$oOeEy2tZB+t270rbTywQtg$nxTMCNDPiRQtil4iQMGvrWPuCURY1wjgM164FAJhJX8";

fn hasher(concurrent: usize, queue: usize, wait: u64) -> Hasher {
    Hasher::new(Limits { concurrent, queue, wait: Duration::from_secs(wait) }, Arc::new(SystemRng))
}

async fn verify(hasher: &Hasher, password: &str, stored: &str) -> Verdict {
    hasher.verify(&SecretString::from(password), Some(&PasswordHashText::new(stored))).await.unwrap()
}

#[tokio::test]
async fn hashes_of_other_programs_are_read() {
    let hasher = hasher(2, 64, 60);
    for (password, stored) in WEAK {
        assert_eq!(verify(&hasher, password, stored).await, Verdict::RightButWeak, "{stored}");
        assert_eq!(verify(&hasher, &format!("{password}x"), stored).await, Verdict::Wrong, "{stored}");
        assert_eq!(verify(&hasher, &format!("{password}\0"), stored).await, Verdict::Wrong, "{stored}");
    }
    assert_eq!(verify(&hasher, "correct horse", STRONG).await, Verdict::Right);
    assert_eq!(verify(&hasher, "correct hors", STRONG).await, Verdict::Wrong);
}

#[tokio::test]
async fn what_is_hashed_is_right_and_strong_and_never_the_same_twice() {
    let hasher = hasher(1, 8, 60);
    let password = SecretString::from("p\u{e4}ss");
    let (one, two) = (hasher.hash(&password).await.unwrap(), hasher.hash(&password).await.unwrap());
    assert_ne!(one.expose(), two.expose());
    assert_eq!(hasher.verify(&password, Some(&one)).await, Ok(Verdict::Right));
    assert_eq!(hasher.verify(&password, None).await, Ok(Verdict::Wrong));
    assert_eq!(hasher.hash(&SecretString::from("")).await, Err(HashError::Length));
    assert_eq!(hasher.hash(&SecretString::new("x".repeat(1025))).await, Err(HashError::Length));
    assert_eq!(verify(&hasher, "", one.expose()).await, Verdict::Wrong);
}

#[tokio::test]
async fn bcrypt_never_takes_the_first_72_bytes_for_the_password() {
    let hasher = hasher(1, 8, 60);
    // Made by Apache's htpasswd from 80 times the letter a; it read 72.
    let cut = "$2y$05$bobZC4pdG3IG/Leqx4mo1.9rmaxUwCTyE0IS8Uo6FVd1nQHsj3oFm";
    for length in [71, 72, 73, 80] {
        assert_eq!(verify(&hasher, &"a".repeat(length), cut).await, Verdict::Wrong, "{length}");
    }
}

#[test]
fn what_costs_too_much_or_is_none_of_these_is_refused() {
    for (text, error) in [
        (
            "$argon2id$v=19$m=4194304,t=1,p=1$oOeEy2tZB+t270rbTywQtg$nxTMCNDPiRQtil4iQMGvrWPuCURY1wjgM164FAJhJX8",
            Unsupported::TooCostly,
        ),
        (
            "$argon2id$v=19$m=65536,t=999999999,p=1$oOeEy2tZB+t270rbTywQtg$nxTMCNDPiRQtil4iQMGvrWPuCURY1wjgM164FAJhJX8",
            Unsupported::TooCostly,
        ),
        (
            "$argon2id$v=19$m=19456,t=2$oOeEy2tZB+t270rbTywQtg$nxTMCNDPiRQtil4iQMGvrWPuCURY1wjgM164FAJhJX8",
            Unsupported::Malformed,
        ),
        (
            "$argon2id$v=19$m=+1,t=2,p=1$oOeEy2tZB+t270rbTywQtg$nxTMCNDPiRQtil4iQMGvrWPuCURY1wjgM164FAJhJX8",
            Unsupported::Malformed,
        ),
        ("$argon2id$v=19$m=19456,t=2,p=1$oOeEy2tZB+t270rbTywQtg", Unsupported::Malformed),
        ("$2y$31$twpAToB3PCCew0GuCs4Apu8rlfNCQuZGG0EI.G65vhZ8UnSxOwLZu", Unsupported::TooCostly),
        ("$2x$05$twpAToB3PCCew0GuCs4Apu8rlfNCQuZGG0EI.G65vhZ8UnSxOwLZu", Unsupported::Scheme),
        ("$2y$05$short", Unsupported::Malformed),
        (
            "$6$rounds=999999999$xyz$QdWnVhA9Jebjwi2.aD6Ly.KW69PwO5EGuibLjRJJD0W6WnB3HQvkGo583.VFK9X0vAjnP9YImpHqvDtuj2M.s/",
            Unsupported::TooCostly,
        ),
        ("$apr1$toolongsalt$pNs4gAQhzzKoui.Xn1cpA0", Unsupported::Malformed),
        ("{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", Unsupported::Scheme),
        ("rqXexS6ZhobKA", Unsupported::Scheme),
        ("plain", Unsupported::Scheme),
        ("", Unsupported::Scheme),
    ] {
        assert_eq!(is_supported(text), Err(error), "{text}");
    }
}

#[test]
fn an_htpasswd_file_is_read_whole_or_not_at_all() {
    let file = format!("# people\n\nalice:{}\nBob:{STRONG}\n", WEAK[0].1);
    let htpasswd = Htpasswd::parse(&file).unwrap();
    assert_eq!(htpasswd.len(), 2);
    let bob: Username = "bob".parse().unwrap();
    assert_eq!(htpasswd.password(&bob).unwrap().expose(), STRONG);

    let wrong =
        format!("alice:{STRONG}\nno colon\nALICE:{STRONG}\n:{STRONG}\ncarol:plain\n{}", "x".repeat(2000));
    let problems: Vec<_> =
        Htpasswd::parse(&wrong).unwrap_err().into_iter().map(|e| (e.line, e.problem)).collect();
    assert_eq!(
        problems,
        [
            (2, Problem::NoColon),
            (3, Problem::Duplicate),
            (4, Problem::Name),
            (5, Problem::Hash(Unsupported::Scheme)),
            (6, Problem::LineTooLong),
        ]
    );
}

#[tokio::test]
async fn the_queue_is_bounded_and_those_who_give_up_leave_it() {
    let hasher = Arc::new(hasher(1, 2, 60));
    // About a second each.
    let slow = PasswordHashText::new(
        "$6$rounds=300000$xyz$QdWnVhA9Jebjwi2.aD6Ly.KW69PwO5EGuibLjRJJD0W6WnB3HQvkGo583.VFK9X0vAjnP9YImpHqvDtuj2M.s/",
    );
    let start = |hasher: &Arc<Hasher>| {
        let (hasher, slow) = (Arc::clone(hasher), slow.clone());
        tokio::spawn(async move { hasher.verify(&SecretString::from("x"), Some(&slow)).await })
    };
    let mut tasks: Vec<_> = (0..8).map(|_| start(&hasher)).collect();
    let mut busy = 0;
    let mut waiting = Vec::new();
    for task in tasks.drain(..) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        if task.is_finished() {
            assert!(matches!(task.await.unwrap(), Err(Busy { .. })));
            busy += 1;
        } else {
            waiting.push(task);
        }
    }
    assert!(busy >= 5, "one is computed, two may wait: {busy} were refused");
    for task in &waiting {
        task.abort();
    }
    for task in waiting {
        let _ = task.await;
    }
    assert_eq!(verify(&hasher, "a", WEAK[0].1).await, Verdict::RightButWeak);
}

proptest! {
    #[test]
    fn no_stored_text_makes_the_reader_panic(text in "(\\$(argon2id|2y|5|6|apr1)\\$)?[\\x20-\\x7e]{0,80}") {
        let _ = is_supported(&text);
    }

    #[test]
    fn no_file_makes_the_reader_panic(text in "([a-z:$#]{0,12}\n){0,8}") {
        let _ = Htpasswd::parse(&text);
    }
}
