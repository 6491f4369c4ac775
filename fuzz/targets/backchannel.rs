//! Requests of the backchannel (OpenID Connect CIBA), as an authenticated client sends them.

use std::time::Duration;

use countersign_model::{Client, ClientId, GrantType, Timestamp, TokenDeliveryMode};
use countersign_oauth::{Parameters, Settings, check_backchannel_request};

/// What is accepted is short and plain to the eye, and ends.
pub(crate) fn backchannel(data: &[u8]) {
    let Ok(settings) = Settings::new("https://id.example") else { return };
    let mut client = Client {
        grant_types: [GrantType::Ciba].into(),
        scopes: "openid email".parse().unwrap_or_default(),
        ..Client::new(ClientId::from("bank"), Timestamp::from_seconds(0))
    };
    client.backchannel.token_delivery_mode = TokenDeliveryMode::Ping;
    let form = Parameters::decode(data);
    let Ok((message, lifetime)) = check_backchannel_request(&client, &settings, &form) else { return };
    assert!((Duration::from_secs(1)..=settings.backchannel.lifetime).contains(&lifetime));
    if let Some(message) = message {
        assert!(message.chars().count() <= 100 && !message.trim().is_empty(), "{message:?}");
        assert!(!message.contains(|character: char| character.is_control()), "{message:?}");
    }
}
