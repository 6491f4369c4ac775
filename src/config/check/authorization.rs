//! Authorization requests, checked.

use std::time::Duration;

use countersign_oauth::{DetailField, DetailKind, DetailType, DetailTypes};

use super::super::checked::Authorization;
use super::super::raw::{RawAuthorization, RawDetailField, RawDetailKind, RawDetailType};
use super::{Check, span};

impl Check {
    pub(super) fn authorization(
        &mut self,
        raw: &RawAuthorization,
        types: Vec<RawDetailType>,
    ) -> Authorization {
        let pushed_request = span(raw.pushed_request, Duration::from_secs(90));
        // RFC 9126 §2.2 wants it short; FAPI 2.0 Security Profile §5.3.2.2 less than ten minutes.
        if pushed_request < Duration::from_secs(5) || pushed_request >= Duration::from_secs(600) {
            self.wrong("authorization.pushed_request", "between 5s and 10m (RFC 9126 §2.2)");
        }
        Authorization {
            require_pushed_requests: raw.require_pushed_requests,
            require_signed_requests: raw.require_signed_requests,
            pushed_request,
            details: self.detail_types(types),
        }
    }

    fn detail_types(&mut self, raw: Vec<RawDetailType>) -> DetailTypes {
        let mut types = DetailTypes::new();
        for (index, raw) in raw.into_iter().enumerate() {
            let key = format!("authorization_details[{index}]");
            let fields = raw.fields.into_iter().map(|(name, raw)| (name, field(raw))).collect();
            match DetailType::new(raw.description, fields) {
                Ok(detail) => {
                    if types.insert(raw.name.clone(), detail).is_some() {
                        self.wrong(format!("{key}.type"), format!("there is another {:?}", raw.name));
                    }
                }
                Err(error) => self.wrong(key, error.to_string()),
            }
        }
        types
    }
}

fn field(raw: RawDetailField) -> DetailField {
    let kind = match raw.kind {
        RawDetailKind::Text => DetailKind::Text,
        RawDetailKind::Number => DetailKind::Number,
        RawDetailKind::Boolean => DetailKind::Boolean,
        RawDetailKind::Texts => DetailKind::Texts,
    };
    DetailField { kind, required: raw.required, values: raw.values }
}
