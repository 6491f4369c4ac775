//! Who acts (RFC 8693 §4.1), and whether they may (§4.4).

use countersign_model::Client;
use serde_json::{Map, Value, json};

use super::ExchangeRefusal;
use super::presented::Presented;
use crate::Engine;
use crate::grant_rules::ExchangeRule;
use crate::ports::Ports;

/// Most actors behind one another in a token.
const MOST: usize = 8;

/// The `act` claim of the new token: whoever acts now outside, those before inside.
pub(super) fn chain<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    rule: &ExchangeRule,
    (subject, actor): (&Presented, Option<&Presented>),
) -> Result<Option<Value>, ExchangeRefusal> {
    let party = match actor {
        Some(actor) => {
            is_the_clients(engine, client, rule, actor)?;
            Party { sub: actor.subject(), iss: actor.foreign_issuer.as_deref() }
        }
        None => Party { sub: client.client_id.as_str(), iss: None },
    };
    // RFC 8693 §4.4: also where nobody will see who acted.
    if let Some(may_act) = &subject.may_act
        && !party.is_named_by(may_act, &engine.settings.issuer)
    {
        return Err(ExchangeRefusal::MayAct);
    }
    let before = subject.act.as_ref();
    if depth(before) >= MOST {
        return Err(ExchangeRefusal::TooManyActors);
    }
    match (actor, rule.impersonation) {
        // Whoever acted before is not forgotten.
        (None, true) => Ok(before.cloned()),
        (Some(_), _) | (None, false) => Ok(Some(party.act(before))),
    }
}

/// RFC 8693 §1.1: the actor token stands for the party that asks, so it must be in the right hands: given to this
/// client or, by another issuer, made for us.
fn is_the_clients<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    rule: &ExchangeRule,
    actor: &Presented,
) -> Result<(), ExchangeRefusal> {
    let (own, settings) = (&client.client_id, &engine.settings);
    let is_in_hand = match &actor.foreign_issuer {
        None => actor.client.as_ref() == Some(own),
        Some(_) => {
            let for_us =
                |audience: &String| *audience == settings.issuer || *audience == settings.endpoints.token;
            rule.subject_issuers.contains(&actor.issuer_name) && actor.audience.iter().any(for_us)
        }
    };
    match (is_in_hand, &actor.act) {
        (false, _) => Err(ExchangeRefusal::ActorForeign),
        // Whose chain would it be? Nothing of it may be lost, and two can't be nested.
        (true, Some(_)) => Err(ExchangeRefusal::ActorActed),
        (true, None) => Ok(()),
    }
}

/// Whoever acts now.
struct Party<'a> {
    sub: &'a str,
    /// `None`: this server.
    iss: Option<&'a str>,
}

impl Party<'_> {
    fn act(&self, before: Option<&Value>) -> Value {
        let mut act = Map::new();
        act.insert("sub".to_owned(), json!(self.sub));
        if let Some(iss) = self.iss {
            act.insert("iss".to_owned(), json!(iss));
        }
        if let Some(before) = before {
            act.insert("act".to_owned(), before.clone());
        }
        Value::Object(act)
    }

    /// RFC 8693 §4.4: every claim that says who must be this party's; one that can't be compared fits nobody.
    fn is_named_by(&self, may_act: &Value, own_issuer: &str) -> bool {
        let Some(claims) = may_act.as_object() else { return false };
        claims.contains_key("sub")
            && claims.iter().all(|(name, value)| match name.as_str() {
                "sub" => value.as_str() == Some(self.sub),
                "iss" => value.as_str() == Some(self.iss.unwrap_or(own_issuer)),
                _ => false,
            })
    }
}

/// How many actors there are behind one another.
fn depth(mut act: Option<&Value>) -> usize {
    let mut depth = 0;
    while let Some(inner) = act {
        depth += 1;
        act = inner.get("act");
    }
    depth
}
