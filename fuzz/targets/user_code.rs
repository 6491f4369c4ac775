//! User codes (RFC 8628 §6.1).

use countersign_oauth::UserCode;

/// Whatever is read is written in one way, which reads as the same.
pub(crate) fn user_code(data: &[u8]) {
    let Ok(typed) = std::str::from_utf8(data) else { return };
    let Some(code) = UserCode::read(typed) else { return };
    let written = code.to_string();
    assert_eq!(UserCode::read(&written), Some(code));
    assert_eq!(UserCode::read(&typed.to_ascii_lowercase()), Some(code));
    let letters = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect()
    };
    assert_eq!(letters(&written), letters(typed), "nothing that was typed is left out or made up");
}
