use serde_json::json;

use super::*;

fn payment() -> DetailType {
    let field = |kind, required, values: &[&str]| DetailField {
        kind,
        required,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let fields = [
        ("actions", field(DetailKind::Texts, true, &["initiate", "status"])),
        ("amount.value", field(DetailKind::Text, true, &[])),
        ("amount.currency", field(DetailKind::Text, true, &["EUR", "CHF"])),
        ("creditor", field(DetailKind::Text, true, &[])),
        ("instant", field(DetailKind::Boolean, false, &[])),
        ("priority", field(DetailKind::Number, false, &[])),
    ];
    let fields = fields.map(|(name, field)| (name.to_owned(), field)).into();
    DetailType::new("Pay {amount.value} {amount.currency} to {creditor}", fields).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

fn good() -> Value {
    json!({
        "type": "payment",
        "actions": ["initiate", "status"],
        "amount": { "value": "12.50", "currency": "EUR" },
        "creditor": "Merchant A",
    })
}

#[test]
fn a_detail_is_read_to_people_as_its_type_says() {
    let detail = object(good());
    assert!(payment().check(&detail));
    assert_eq!(payment().describe(&detail), "Pay 12.50 EUR to Merchant A");
    let fields = payment().every_field(&detail);
    assert!(fields.contains(&("actions".to_owned(), "initiate, status".to_owned())), "{fields:?}");
    assert_eq!(fields.len(), 4);
}

#[test]
fn rfc_9396_section_5_names_what_is_refused() {
    let refused = |change: fn(&mut Value)| {
        let mut value = good();
        change(&mut value);
        assert!(!payment().check(&object(value.clone())), "{value}");
    };
    refused(|detail| detail["unknown"] = json!(1));
    refused(|detail| detail["amount"]["unknown"] = json!("x"));
    refused(|detail| detail["amount"] = json!("12.50"));
    refused(|detail| detail["amount"] = json!({ "value": "12.50" }));
    refused(|detail| detail["amount"]["currency"] = json!("XXX"));
    refused(|detail| detail["actions"] = json!([]));
    refused(|detail| detail["actions"] = json!(["initiate", "steal"]));
    refused(|detail| detail["actions"] = json!("initiate"));
    refused(|detail| detail["creditor"] = json!(null));
    refused(|detail| detail["creditor"] = json!("a\u{202e}b\u{0}"));
    refused(|detail| detail["creditor"] = json!("x".repeat(1_025)));
    refused(|detail| detail["instant"] = json!("yes"));
    refused(|detail| detail["priority"] = json!("1"));
    refused(|detail| {
        detail.as_object_mut().unwrap().remove("creditor");
    });
}

#[test]
fn less_is_less_and_a_missing_limit_is_more() {
    let covers = |change: fn(&mut Value)| {
        let mut asked = good();
        change(&mut asked);
        narrow::covers(&object(good()), &object(asked))
    };
    assert!(covers(|_| {}));
    assert!(covers(|asked| asked["actions"] = json!(["status"])));
    assert!(!covers(|asked| asked["actions"] = json!([])));
    assert!(!covers(|asked| asked["actions"] = json!(["status", "cancel"])));
    assert!(!covers(|asked| asked["amount"]["value"] = json!("12.51")));
    assert!(!covers(|asked| asked["instant"] = json!(true)));
    assert!(!covers(|asked| {
        asked.as_object_mut().unwrap().remove("actions");
    }));
}

#[test]
fn types_that_contradict_themselves_are_not_registered() {
    let field = || DetailField { kind: DetailKind::Text, required: false, values: Vec::new() };
    let new = |description: &str, names: &[&str]| {
        DetailType::new(description, names.iter().map(|name| ((*name).to_owned(), field())).collect())
    };
    assert!(new("Read {a.b}", &["a.b", "c"]).is_ok());
    assert!(matches!(new("Read {x}", &["a"]), Err(InvalidDetailType::UnknownField(_))));
    assert!(matches!(new("Read {a", &["a"]), Err(InvalidDetailType::Brace)));
    assert!(matches!(new("Read a}", &["a"]), Err(InvalidDetailType::Brace)));
    assert!(matches!(new("", &["type"]), Err(InvalidDetailType::FieldName(_))));
    assert!(matches!(new("", &["a..b"]), Err(InvalidDetailType::FieldName(_))));
    assert!(matches!(new("", &["a", "a.b"]), Err(InvalidDetailType::FieldTwice(_))));
}

#[test]
fn details_with_locations_go_to_these_alone() {
    let details: AuthorizationDetails = serde_json::from_value(json!([
        { "type": "a", "locations": ["https://one.example"] },
        { "type": "b" },
    ]))
    .unwrap();
    assert_eq!(details.at(&[]).0.len(), 2);
    assert_eq!(details.at(&["https://one.example".to_owned()]).0.len(), 2);
    assert_eq!(details.at(&["https://two.example".to_owned()]).0.len(), 1);
}
