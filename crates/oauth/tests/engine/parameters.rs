//! Whatever comes, no endpoint panics, and none is fooled by repetition.

use countersign_oauth::{Authorization, ClientCall, Parameters};
use proptest::prelude::*;

use crate::support::*;

const NAMES: [&str; 24] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "redirect_uri",
    "response_type",
    "scope",
    "resource",
    "prompt",
    "max_age",
    "id_token_hint",
    "grant_type",
    "code",
    "code_verifier",
    "refresh_token",
    "token",
    "device_code",
    "assertion",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "audience",
];

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    let value = prop_oneof![
        Just("app".to_owned()),
        Just("code".to_owned()),
        Just("authorization_code".to_owned()),
        Just("refresh_token".to_owned()),
        Just("client_credentials".to_owned()),
        Just("urn:ietf:params:oauth:grant-type:token-exchange".to_owned()),
        Just("urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()),
        Just("urn:ietf:params:oauth:token-type:jwt".to_owned()),
        Just("urn:ietf:params:oauth:token-type:id_token".to_owned()),
        Just(CALLBACK.to_owned()),
        Just("none".to_owned()),
        Just("urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned()),
        ".{0,60}",
    ];
    prop::collection::vec((prop::sample::select(&NAMES[..]).prop_map(str::to_owned), value), 0..12)
}

async fn everything(house: &House, authorization: Authorization<'_>, form: &Parameters<'_>) {
    let _ = house.engine.begin(form, None, &house.browser).await;
    let call = ClientCall { authorization, ..ClientCall::new(form) };
    let _ = house.engine.token(&call).await;
    let _ = house.engine.introspect(&call).await;
    let _ = house.engine.revoke(&call).await;
    let _ = house.engine.device_authorization(&call, None).await;
}

fn run(test: impl AsyncFnOnce(House)) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let house = House::new().await;
        house.client("app", |_| {});
        test(house).await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_parameters_make_an_endpoint_panic(pairs in pairs(), name in ".{0,12}", secret in ".{0,12}") {
        run(async |house| {
            let form = Parameters::new(pairs);
            everything(&house, Authorization::Absent, &form).await;
            everything(&house, Authorization::Basic { name: &name, secret: &secret }, &form).await;
        });
    }

    #[test]
    fn no_bytes_make_an_endpoint_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        run(async |house| everything(&house, Authorization::Unusable, &Parameters::decode(&bytes)).await);
    }
}

#[test]
fn values_never_print() {
    let form = parameters(&[("client_secret", "hunter2")]);
    assert_eq!(format!("{form:?}"), "[\"client_secret\"]");
}
