//! W3C Baggage.

use ::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use throughline_core::propagation::{Propagator, Propagators};

use crate::support::{cases, headers, only};

/// Key, value and metadata of each member, sorted: the API keeps no order.
type Members = Vec<(String, String, String)>;

fn extract(values: &[&str]) -> Context {
    let fields: Vec<_> = values.iter().map(|&value| ("baggage", value)).collect();
    Propagators::default().extract(&headers(&fields))
}

fn members(context: &Context) -> Members {
    let mut members: Members = context
        .baggage()
        .iter()
        .map(|(key, (value, metadata))| {
            let metadata = metadata.as_str().to_owned();
            (key.to_string(), value.to_string(), metadata)
        })
        .collect();
    members.sort();
    members
}

fn inject(context: &Context) -> Option<String> {
    let mut headers = HeaderMap::new();
    Propagators::default().inject(context, &mut headers);
    only(&headers, "baggage").map(str::to_owned)
}

#[track_caller]
fn check(values: &[&str], expected: &[(&str, &str, &str)]) {
    let mut expected: Members = expected
        .iter()
        .map(|(key, value, metadata)| {
            (
                (*key).to_owned(),
                (*value).to_owned(),
                (*metadata).to_owned(),
            )
        })
        .collect();
    expected.sort();
    assert_eq!(members(&extract(values)), expected, "{values:?}");
}

/// What is sent for baggage that code set.
#[track_caller]
fn check_sent(members: &[(&'static str, &str, &str)], expected: Option<&str>) {
    let mut baggage = Baggage::new();
    for (key, value, metadata) in members {
        baggage.insert_with_metadata(*key, (*value).to_owned(), *metadata);
    }
    let sent = inject(&Context::new().with_baggage(baggage));
    let sorted = |header: &str| {
        let mut members: Vec<_> = header.split(',').map(str::to_owned).collect();
        members.sort();
        members
    };
    assert_eq!(sent.as_deref().map(sorted), expected.map(sorted));
}

#[test]
fn every_case_of_the_specification_is_read_and_sent_on() {
    for case in cases("baggage_w3c.json") {
        let name = case["name"].as_str().unwrap();
        let context = extract(&[case["header"].as_str().unwrap()]);
        let mut expected = Members::new();
        for entry in case["expect_entries"].as_array().unwrap() {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            let properties = entry["properties"].as_array().unwrap();
            let properties = properties.iter().map(|property| {
                let key = property["key"].as_str().unwrap();
                let value = property["value"].as_str();
                value.map_or(key.to_owned(), |value| format!("{key}={value}"))
            });
            let properties: Vec<_> = properties.collect();
            expected.push((text("key"), text("value"), properties.join(";")));
        }
        expected.sort();
        // The API's metadata is the properties as they are written: only their values are encoded.
        let decode = |metadata: &str| {
            let properties = metadata
                .split(';')
                .map(|property| match property.split_once('=') {
                    Some((key, value)) => {
                        let value = percent_encoding::percent_decode_str(value);
                        format!("{key}={}", value.decode_utf8().unwrap())
                    }
                    None => property.to_owned(),
                });
            properties.collect::<Vec<_>>().join(";")
        };
        let mut read = members(&context);
        for (_, _, metadata) in &mut read {
            *metadata = decode(metadata);
        }
        assert_eq!(read, expected, "{name}");
        if let Some(sent) = case["reserialized"].as_str() {
            assert_eq!(inject(&context).as_deref(), Some(sent), "{name}");
        }
        // Reading what was sent gives the same again.
        let again = inject(&context).map(|sent| members(&extract(&[&sent])));
        assert_eq!(again.unwrap_or_default(), members(&context), "{name}");
    }
}

#[test]
fn members_are_read() {
    check(&[], &[]);
    check(&[""], &[]);
    check(&["a=1"], &[("a", "1", "")]);
    check(&["a=1,b=2"], &[("a", "1", ""), ("b", "2", "")]);
    check(&["a="], &[("a", "", "")]);
    check(&["a=b=c"], &[("a", "b=c", "")]);
    check(
        &["!#$%&'*+-.^_`|~09azAZ=1"],
        &[("!#$%&'*+-.^_`|~09azAZ", "1", "")],
    );
    check(
        &[" \ta \t=\t 1 \t, b=2\t"],
        &[("a", "1", ""), ("b", "2", "")],
    );
}

#[test]
fn several_headers_are_one_in_their_order() {
    check(
        &["a=1", "b=2,c=3"],
        &[("a", "1", ""), ("b", "2", ""), ("c", "3", "")],
    );
    check(&["a=1,a=2", "b=3"], &[("a", "2", ""), ("b", "3", "")]);
    check(&["a=1", "", "a=2"], &[("a", "2", "")]);
}

#[test]
fn properties_are_kept_as_they_are() {
    check(&["a=1;p"], &[("a", "1", "p")]);
    check(&["a=1;p=x%20y;q;p=z"], &[("a", "1", "p=x%20y;q;p=z")]);
    check(&["a=1 \t;\t p = x ; q"], &[("a", "1", "p=x;q")]);
    assert_eq!(
        inject(&extract(&["a=1;p=x%20y;q;p=z"])).as_deref(),
        Some("a=1;p=x%20y;q;p=z")
    );
}

#[test]
fn values_are_decoded_and_encoded_without_change() {
    #[track_caller]
    fn check_round_trip(header: &str, value: &str) {
        check(&[header], &[("a", value, "")]);
        assert_eq!(inject(&extract(&[header])).as_deref(), Some(header));
    }
    check_round_trip("a=%20%2C%3B%3D%22%5C%25", " ,;=\"\\%");
    check_round_trip("a=caf%C3%A9%F0%9F%8D%B0", "café🍰");
    check_round_trip("a=%00%0A", "\0\n");
    check_round_trip("a=b-c.d_e~f", "b-c.d_e~f");
    // Lower-case digits, what needs no encoding and what is none at all mean the same.
    check(&["a=%c3%a9"], &[("a", "é", "")]);
    check(&["a=%41/+"], &[("a", "A/+", "")]);
    check(&["a=%zz%4"], &[("a", "%zz%4", "")]);
    assert_eq!(
        inject(&extract(&["a=%zz%4"])).as_deref(),
        Some("a=%25zz%254")
    );
}

#[test]
fn sequences_that_are_no_utf_8_are_replaced() {
    check(&["a=%FF"], &[("a", "\u{fffd}", "")]);
    check(&["a=x%C3y"], &[("a", "x\u{fffd}y", "")]);
    assert_eq!(inject(&extract(&["a=%FF"])).as_deref(), Some("a=%EF%BF%BD"));
}

#[test]
fn a_malformed_member_is_left_out_alone() {
    for wrong in [
        "",
        " ",
        "a",
        "=1",
        "a b=1",
        "a=1 2",
        "a=\"1\"",
        "a=1\\2",
        "é=1",
        "a=é",
        "a:b=1",
        "[a]=1",
        ";p",
        "a;p=1",
        "a=1;",
        "a=1;p q",
        "a=1;=x",
        "a=1;p=x y",
        "a=1;p=\"x\"",
        "a=1;p=é",
    ] {
        check(&[wrong], &[]);
        check(
            &[&format!("x=1,{wrong},y=2")],
            &[("x", "1", ""), ("y", "2", "")],
        );
        check(&["x=1", wrong, "y=2"], &[("x", "1", ""), ("y", "2", "")]);
    }
}

#[test]
fn sixty_four_members_are_kept() {
    let member = |i: usize| format!("key{i}=value");
    let list = |count: usize| (0..count).map(member).collect::<Vec<_>>();
    let kept = members(&extract(&[&list(64).join(",")]));
    assert_eq!(kept.len(), 64);
    assert_eq!(members(&extract(&[&list(512).join(",")])), kept);
    let several = list(65);
    let several: Vec<_> = several.iter().map(String::as_str).collect();
    assert_eq!(members(&extract(&several)), kept);
    let sent = inject(&extract(&[&list(64).join(",")])).unwrap();
    assert_eq!(sent.split(',').count(), 64);
}

#[test]
fn members_within_8192_bytes_are_kept() {
    let longest = format!("a={}", "0123456789".repeat(819));
    assert_eq!(longest.len(), 8192);
    check(&[&longest], &[("a", &longest[2..], "")]);
    assert_eq!(inject(&extract(&[&longest])).as_deref(), Some(&*longest));
    check(&[&format!("{longest}0")], &[]);
    // Members are kept or dropped whole, whatever comes behind them.
    check(&[&format!("x=1,{longest}")], &[("x", "1", "")]);
    check(&["x=1", &longest], &[("x", "1", "")]);
    check(
        &[&format!("x=1,{}", "y".repeat(1 << 20))],
        &[("x", "1", "")],
    );
    check(
        &["x=1", &"y".repeat(1 << 20), "z=2"],
        &[("x", "1", ""), ("z", "2", "")],
    );
    // The bytes count as they came, which is thrice of what they mean here.
    let encoded = "%20".repeat(2000);
    let (a, b) = (format!("a={encoded}"), format!("b={encoded}"));
    let decoded = " ".repeat(2000);
    check(&[&a, &b], &[("a", &decoded, "")]);
    check(&[&b, "c=1", &a], &[("b", &decoded, ""), ("c", "1", "")]);
    check(&[&"=".repeat(1 << 20)], &[]);
    check(&[&",".repeat(1 << 20)], &[]);
}

#[test]
fn baggage_set_by_code_is_sent_encoded() {
    check_sent(&[("a", "1", "")], Some("a=1"));
    check_sent(&[("a", "1", ""), ("b", "2", "p")], Some("a=1,b=2;p"));
    check_sent(&[("a", "", "")], Some("a="));
    check_sent(
        &[("a", "x y,z;é\"\r\nTrace: 1", "")],
        Some("a=x%20y%2Cz%3B%C3%A9%22%0D%0ATrace%3A%201"),
    );
    check_sent(&[("a", "1", "p=x; q\t")], Some("a=1;p=x; q"));
}

#[test]
fn metadata_that_would_break_the_header_is_not_sent() {
    for metadata in ["p\nq", "p\r\nx-evil: 1", "p,b=2", "p=\"x\"", "é", "p\0"] {
        check_sent(&[("a", "1", metadata), ("c", "3", "q")], Some("a=1,c=3;q"));
    }
}

#[test]
fn what_does_not_fit_once_encoded_is_left_out() {
    // 8000 bytes for the API, 24000 as they are sent.
    let spaces = " ".repeat(8000);
    check_sent(&[("a", &spaces, ""), ("b", "2", "")], Some("b=2"));
    check_sent(&[("a", &spaces, "")], None);
}

#[test]
fn nothing_is_sent_without_baggage() {
    check_sent(&[], None);
    assert_eq!(inject(&Context::new()), None);
    assert_eq!(inject(&extract(&["malformed"])), None);
    let only_trace_context = Propagators::new([Propagator::TraceContext]);
    let mut headers = HeaderMap::new();
    only_trace_context.inject(&extract(&["a=1"]), &mut headers);
    assert_eq!(headers, HeaderMap::new());
}
