//! Distinguished names (X.501), compared by what they say: a registered text (RFC 4514) with a certificate's DER.
//!
//! Each value is brought into the form that `caseIgnoreMatch` compares (RFC 5280 §7.1, RFC 4518 §2): lower case, one
//! space for several, none at the ends. Unicode is not composed: two ways to write a letter are two names, which can
//! only refuse too much. What is no text is compared byte by byte.

use std::collections::BTreeSet;

use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

/// The longest text that is read, in bytes.
const LONGEST: usize = 2_048;
/// The most attributes of one name.
const MOST: usize = 64;

/// Attribute names of RFC 4514 §3, and those that certificates commonly have besides.
const NAMES: [(&str, &str); 18] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("TITLE", "2.5.4.12"),
    ("BUSINESSCATEGORY", "2.5.4.15"),
    ("POSTALCODE", "2.5.4.17"),
    ("GIVENNAME", "2.5.4.42"),
    ("ORGANIZATIONIDENTIFIER", "2.5.4.97"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
    ("E", "1.2.840.113549.1.9.1"),
];

/// A name: its relative names in the order of the certificate, each a set of attributes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DistinguishedName(Vec<BTreeSet<(Box<str>, Value)>>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Value {
    Text(Box<str>),
    Der(Box<[u8]>),
}

/// The text is no distinguished name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it is no distinguished name as RFC 4514 writes it, such as CN=billing,O=Example,C=DE")]
pub struct InvalidName;

impl std::str::FromStr for DistinguishedName {
    type Err = InvalidName;

    /// RFC 4514 §3. Spaces around a part that are not escaped do not count.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() > LONGEST {
            return Err(InvalidName);
        }
        let mut names = Vec::new();
        let mut count = 0;
        for relative in split(text, ',')? {
            let mut attributes = BTreeSet::new();
            for attribute in split(relative, '+')? {
                count += 1;
                let (name, value) = attribute.split_once('=').ok_or(InvalidName)?;
                // X.501 §9.3: no attribute twice in one relative name.
                if count > MOST || !attributes.insert((attribute_type(name.trim())?, read_value(value)?)) {
                    return Err(InvalidName);
                }
            }
            names.push(attributes);
        }
        // RFC 4514 §2.1: the text begins with the last.
        names.reverse();
        Ok(Self(names))
    }
}

impl DistinguishedName {
    /// Reads the name of a certificate.
    ///
    /// # Errors
    /// It is no name, or has too many attributes.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidName> {
        let (rest, name) = X509Name::from_der(der).map_err(|_| InvalidName)?;
        if !rest.is_empty() || name.iter_attributes().count() > MOST {
            return Err(InvalidName);
        }
        let relative = |rdn: &x509_parser::x509::RelativeDistinguishedName<'_>| {
            rdn.iter()
                .map(|attribute| {
                    let value = match attribute.as_str() {
                        Ok(text) => Value::Text(prepared(text)),
                        Err(_) => Value::Der(attribute.as_slice().into()),
                    };
                    (attribute.attr_type().to_id_string().into(), value)
                })
                .collect()
        };
        Ok(Self(name.iter_rdn().map(relative).collect()))
    }
}

/// Splits at a separator that is not escaped.
fn split(text: &str, separator: char) -> Result<Vec<&str>, InvalidName> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == separator => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    let is_whole = !escaped && parts.iter().all(|part| !part.trim().is_empty());
    if is_whole { Ok(parts) } else { Err(InvalidName) }
}

/// RFC 4514 §2.3: a short name or a dotted number.
fn attribute_type(name: &str) -> Result<Box<str>, InvalidName> {
    let is_number = name.contains('.')
        && name.split('.').all(|arc| {
            let digits = arc.bytes().all(|b| b.is_ascii_digit());
            !arc.is_empty() && digits && (arc == "0" || !arc.starts_with('0'))
        });
    if is_number {
        return Ok(name.into());
    }
    let known = NAMES.iter().find(|(short, _)| short.eq_ignore_ascii_case(name));
    known.map(|(_, number)| (*number).into()).ok_or(InvalidName)
}

/// RFC 4514 §2.4 and §3: `#` and the DER in hexadecimal, or text in which special characters are escaped.
fn read_value(text: &str) -> Result<Value, InvalidName> {
    let text = text.trim_start_matches(' ');
    if let Some(digits) = text.strip_prefix('#') {
        return from_hexadecimal(digits.trim_end_matches(' '));
    }
    let mut bytes = Vec::with_capacity(text.len());
    // Where the last character stands that is no plain space at the end.
    let mut end = 0;
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => {
                let next = rest.next().ok_or(InvalidName)?;
                bytes.push(match next {
                    b' ' | b'#' | b'=' | b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' => next,
                    _ => nibble(next)? << 4 | nibble(rest.next().ok_or(InvalidName)?)?,
                });
                end = bytes.len();
            }
            // RFC 4514 §3: these stand for themselves only when escaped.
            b'"' | b';' | b'<' | b'>' | 0 => return Err(InvalidName),
            _ => {
                bytes.push(byte);
                if byte != b' ' {
                    end = bytes.len();
                }
            }
        }
    }
    bytes.truncate(end);
    let text = String::from_utf8(bytes).map_err(|_| InvalidName)?;
    if text.is_empty() || text.contains('\0') { Err(InvalidName) } else { Ok(Value::Text(prepared(&text))) }
}

fn from_hexadecimal(digits: &str) -> Result<Value, InvalidName> {
    let bytes = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Ok(nibble(*high)? << 4 | nibble(*low)?),
        _ => Err(InvalidName),
    });
    let der = bytes.collect::<Result<Vec<u8>, _>>()?;
    // The one short form of a length is all that a name of sensible size needs.
    match der.as_slice() {
        // UTF8String, PrintableString, IA5String.
        [0x0c | 0x13 | 0x16, length, text @ ..] if usize::from(*length) == text.len() && *length < 128 => {
            let text = std::str::from_utf8(text).map_err(|_| InvalidName)?;
            Ok(Value::Text(prepared(text)))
        }
        [_, length, content @ ..] if usize::from(*length) == content.len() && *length < 128 => {
            Ok(Value::Der(content.into()))
        }
        _ => Err(InvalidName),
    }
}

fn nibble(digit: u8) -> Result<u8, InvalidName> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).ok_or(InvalidName)
}

/// RFC 4518 §2.2 and §2.6.1.
fn prepared(text: &str) -> Box<str> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

    use super::*;

    fn read(text: &str) -> DistinguishedName {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    /// The subject of a certificate with these attributes, in this order.
    fn certificate(attributes: &[(DnType, DnValue)]) -> DistinguishedName {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(der.der()).unwrap();
        DistinguishedName::from_der(parsed.subject().as_raw()).unwrap()
    }

    #[test]
    fn the_examples_of_rfc_4514_are_read() {
        // RFC 4514 §4.
        assert_eq!(read("UID=jsmith,DC=example,DC=net").0.len(), 3);
        assert_eq!(read("OU=Sales+CN=J.  Smith,DC=example,DC=net").0.last().unwrap().len(), 2);
        assert_eq!(read(r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#).0.len(), 3);
        let before = read(r"CN=Before\0dAfter,DC=example,DC=net");
        assert_eq!(before.0.last().unwrap().first().unwrap().1, Value::Text("before after".into()));
        assert_eq!(read("1.3.6.1.4.1.1466.0=#04024869").0[0].first().unwrap().1, Value::Der((*b"Hi").into()));
        assert_eq!(read(r"CN=Lu\C4\8Di\C4\87"), read("CN=Lučić"));
    }

    #[test]
    fn case_spaces_and_the_way_of_writing_do_not_matter_but_order_and_content_do() {
        let wanted = read("CN=Billing  Service,O=Example\\, Inc.,C=DE");
        for same in [
            "cn=billing service, o=EXAMPLE\\2c Inc., c=de",
            "2.5.4.3=Billing Service,2.5.4.10=Example\\, Inc.,2.5.4.6=DE",
            "CN=#0c0f42696c6c696e672053657276696365,O=Example\\, Inc.,C=#13024445",
        ] {
            assert_eq!(read(same), wanted, "{same}");
        }
        for other in [
            "C=DE,O=Example\\, Inc.,CN=Billing Service",
            "CN=Billing Service,O=Example\\, Inc.",
            "CN=BillingService,O=Example\\, Inc.,C=DE",
            "CN=Billing Service+O=Example\\, Inc.,C=DE",
            "CN=Billing Service,OU=Example\\, Inc.,C=DE",
        ] {
            assert_ne!(read(other), wanted, "{other}");
        }
        assert_eq!(read("CN=a+OU=b"), read("OU=b+CN=a"), "a relative name is a set");
    }

    #[test]
    fn a_certificate_is_compared_whatever_its_string_types() {
        let name = |value: DnValue| {
            certificate(&[
                (DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap())),
                (DnType::OrganizationName, "Example, Inc.".into()),
                (DnType::CommonName, value),
            ])
        };
        let wanted = read("CN=billing,O=Example\\, Inc.,C=DE");
        assert_eq!(name(DnValue::PrintableString("Billing".try_into().unwrap())), wanted);
        assert_eq!(name(DnValue::Utf8String("billing".into())), wanted);
        assert_ne!(name(DnValue::Utf8String("billing2".into())), wanted);
        // A comma inside a value is no separator: nobody gets two attributes out of one.
        let one = certificate(&[(DnType::CommonName, "billing,O=Example".into())]);
        assert_ne!(one, read("CN=billing,O=Example"));
        assert_ne!(one, read("O=Example,CN=billing"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in [
            "",
            ",",
            "CN",
            "CN=",
            "=x",
            "CN=a,",
            "CN=a,,O=b",
            "XX=a",
            "CN=a\\",
            "CN=a\\zz",
            "CN=a;O=b",
            "CN=\"a\"",
            "1..2=a",
            "01.2=a",
            "CN=#0",
            "CN=#zz",
            "CN=#0c05aa",
            "CN=a+CN=a",
            "CN=\\00",
        ] {
            assert_eq!(wrong.parse::<DistinguishedName>(), Err(InvalidName), "{wrong:?}");
        }
        assert!("CN=a,".repeat(1_000).parse::<DistinguishedName>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = text.parse::<DistinguishedName>();
        }

        #[test]
        fn no_bytes_make_it_panic(der in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = DistinguishedName::from_der(&der);
        }
    }
}
