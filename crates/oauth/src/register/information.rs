//! What people are told of the client: names, addresses, contacts, software (RFC 7591 §2, §2.2).

use std::collections::BTreeMap;

use countersign_model::ClientInformation;
use url::Url;

use super::redirect_uris::is_loopback;
use super::{Members, RegistrationRefusal};

/// Longest name, in characters: it is shown in a heading.
const LONGEST_NAME: usize = 100;
/// Longest address, in bytes.
const LONGEST_URI: usize = 1_024;
/// Longest of the other texts, in bytes.
const LONGEST_TEXT: usize = 256;
/// Most contacts.
const MOST_CONTACTS: usize = 8;
/// Most texts in other languages.
const MOST_LOCALIZED: usize = 32;
/// Addresses of pages for people.
const PAGES: [&str; 4] = ["logo_uri", "client_uri", "policy_uri", "tos_uri"];
const NAME: &str = "client_name";

/// The name, if one is given.
pub(super) fn name(asked: &Members) -> Result<Option<String>, RegistrationRefusal> {
    let Some(name) = asked.text(NAME)? else { return Ok(None) };
    readable_name(NAME, name)?;
    Ok(Some(name.to_owned()))
}

/// Everything else people are told.
pub(super) fn readable(asked: &Members) -> Result<ClientInformation, RegistrationRefusal> {
    let page = |member| -> Result<Option<String>, RegistrationRefusal> {
        let Some(uri) = asked.text(member)? else { return Ok(None) };
        readable_page(member, uri)?;
        Ok(Some(uri.to_owned()))
    };
    let short = |member| -> Result<Option<String>, RegistrationRefusal> {
        match asked.text(member)? {
            Some(text) if text.len() > LONGEST_TEXT || !is_harmless(text) => {
                Err(RegistrationRefusal::metadata(member, "it is too long or has control characters"))
            }
            text => Ok(text.map(str::to_owned)),
        }
    };
    Ok(ClientInformation {
        logo_uri: page("logo_uri")?,
        client_uri: page("client_uri")?,
        policy_uri: page("policy_uri")?,
        tos_uri: page("tos_uri")?,
        contacts: contacts(asked)?,
        software_id: short("software_id")?,
        software_version: short("software_version")?,
        localized: localized(asked)?,
        software_statement: asked.text("software_statement")?.map(str::to_owned),
    })
}

fn contacts(asked: &Members) -> Result<Vec<String>, RegistrationRefusal> {
    let contacts = asked.texts("contacts")?.unwrap_or_default();
    let fits = |text: &&str| !text.is_empty() && text.len() <= LONGEST_TEXT && is_harmless(text);
    if contacts.len() > MOST_CONTACTS || !contacts.iter().all(fits) {
        return Err(RegistrationRefusal::metadata("contacts", "there are too many, or one can't be used"));
    }
    Ok(contacts.into_iter().map(str::to_owned).collect())
}

/// RFC 7591 §2.2: the same in other languages, each under the member's name, `#` and a language tag.
fn localized(asked: &Members) -> Result<BTreeMap<String, String>, RegistrationRefusal> {
    let mut localized = BTreeMap::new();
    for member in PAGES.into_iter().chain([NAME]) {
        let refused = |fault| RegistrationRefusal::metadata(member, fault);
        for (rest, value) in asked.after(member) {
            let Some(language) = rest.strip_prefix('#') else { continue };
            if !is_language_tag(language) {
                return Err(refused("what follows # is no language tag"));
            }
            let text = value.as_str().ok_or(refused("it must be a text in every language"))?;
            if member == NAME {
                readable_name(member, text)?
            } else {
                readable_page(member, text)?
            }
            localized.insert(format!("{member}#{language}"), text.to_owned());
            if localized.len() > MOST_LOCALIZED {
                return Err(refused("there are too many languages"));
            }
        }
    }
    Ok(localized)
}

fn readable_name(member: &'static str, name: &str) -> Result<(), RegistrationRefusal> {
    if name.chars().count() > LONGEST_NAME || name.trim().is_empty() || !is_harmless(name) {
        let fault = "it is empty, longer than 100 characters, or has characters that can't be seen";
        return Err(RegistrationRefusal::metadata(member, fault));
    }
    Ok(())
}

/// A page for people: `https`, or on the person's own machine. A host is a host: the page that shows a picture names its
/// place in its Content Security Policy, where `*` would be every place (CSP 3 §2.3.1).
fn readable_page(member: &'static str, uri: &str) -> Result<(), RegistrationRefusal> {
    let is_local = |url: &Url| url.scheme() == "http" && is_loopback(url);
    let names_one_host = |url: &Url| url.host_str().is_some_and(|host| !host.contains('*'));
    let fits = |url: &Url| names_one_host(url) && (is_https(uri) || is_plain(uri) && is_local(url));
    if uri.len() <= LONGEST_URI && Url::parse(uri).is_ok_and(|url| fits(&url)) {
        return Ok(());
    }
    Err(RegistrationRefusal::metadata(member, "it must be an https URL"))
}

/// Whether it is an `https` URL without a user name and without a fragment.
pub(super) fn is_https(uri: &str) -> bool {
    let fits = |url: &Url| {
        url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none()
    };
    uri.len() <= LONGEST_URI
        && is_plain(uri)
        && !uri.contains('#')
        && Url::parse(uri).is_ok_and(|url| fits(&url))
}

fn is_plain(uri: &str) -> bool {
    uri.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'))
}

/// Nothing that is invisible or turns the direction of writing: a name must look like what it is.
fn is_harmless(text: &str) -> bool {
    let hides = |c: char| {
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    !text.chars().any(|c| c.is_control() || hides(c))
}

/// The form of a language tag (RFC 5646 §2.1); whether there is such a language is nobody's harm.
fn is_language_tag(text: &str) -> bool {
    let mut subtags = text.split('-');
    let first = subtags.next().unwrap_or_default();
    let fits =
        |subtag: &str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric());
    text.len() <= 35 && fits(first) && first.bytes().all(|b| b.is_ascii_alphabetic()) && subtags.all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_a_form() {
        for tag in ["de", "ja-Hani-JP", "zh-Hans", "x-private"] {
            assert!(is_language_tag(tag), "{tag}");
        }
        for tag in ["", "de-", "-de", "d e", "1a", "abcdefghi", "de_DE", "a-bcdefghij"] {
            assert!(!is_language_tag(tag), "{tag}");
        }
    }

    #[test]
    fn names_look_like_what_they_are() {
        assert!(is_harmless("Übersicht – カレンダー") && is_harmless("a'b\"c"));
        for text in ["a\u{202e}b", "a\u{200b}b", "a\nb", "\u{7}", "a\u{feff}", "\u{e0041}"] {
            assert!(!is_harmless(text), "{text:?}");
        }
    }
}
