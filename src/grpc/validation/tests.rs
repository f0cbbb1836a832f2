use super::*;
use crate::domain::error::Error;
use crate::domain::page::PageKey;
use crate::domain::tenant::Language;
use crate::domain::validation::TOO_LONG;

#[test]
fn all_violations_are_collected() {
    let mut check = Validator::default();
    assert_eq!(check.name("tenant", "  evopoliki ".into()), "evopoliki");
    check.name("category", String::new());
    check.name("brand", "x".repeat(65));
    check.text("text", "a\0b".into(), 10);
    check.year("year", Some(3000));
    check.uuid("request_id", "no");
    check.refuse("brand", REQUIRED, "must be given with a model");
    let Err(Error::Invalid(violations)) = check.done() else { panic!("expected violations") };
    let found: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.reason)).collect();
    assert_eq!(
        found,
        [
            ("category", REQUIRED),
            ("brand", TOO_LONG),
            ("text", INVALID),
            ("year", OUT_OF_RANGE),
            ("request_id", INVALID)
        ]
    );
}

#[test]
fn money_is_exact_and_has_two_decimals_at_most() {
    let read = |units, nanos| {
        let mut check = Validator::default();
        let money = Money { currency_code: String::new(), units, nanos };
        let amount = check.money("amount", Some(&money), Decimal::from(100));
        check.done().map(|()| amount.unwrap().to_string()).map_err(|error| match error {
            Error::Invalid(violations) => violations[0].reason,
            _ => "",
        })
    };
    assert_eq!(read(99, 990_000_000).as_deref(), Ok("99.99"));
    assert_eq!(read(0, 10_000_000).as_deref(), Ok("0.01"));
    assert_eq!(read(100, 0).as_deref(), Ok("100"));
    for (units, nanos) in [(100, 10_000_000), (-1, 0), (0, -10_000_000), (i64::MAX, 0), (i64::MIN, -990_000_000)] {
        assert_eq!(read(units, nanos), Err(OUT_OF_RANGE), "{units} {nanos}");
    }
    for (units, nanos) in [(1, 1), (1, -10_000_000), (1, 1_000_000_000), (1, i32::MIN)] {
        assert_eq!(read(units, nanos), Err(INVALID), "{units} {nanos}");
    }
}

#[test]
fn times_are_within_this_century() {
    let read = |seconds, nanos| {
        let mut check = Validator::default();
        let time = check.time("at_time", Some(Timestamp { seconds, nanos }));
        check.done().map(|()| time.unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos())
    };
    assert_eq!(read(946_684_800, 1_999).unwrap(), 946_684_800_000_001_000, "whole microseconds");
    assert!(read(4_102_444_800, 0).is_ok() && read(4_102_444_800, 1).is_err());
    for (seconds, nanos) in [(946_684_799, 0), (i64::MAX, 0), (i64::MIN, 0), (1_700_000_000, -1), (0, i32::MAX)] {
        assert!(read(seconds, nanos).is_err(), "{seconds} {nanos}");
    }
}

#[test]
fn languages_lose_their_region_and_unserved_ones_fall_back() {
    let read = |value: &str| {
        let mut check = Validator::default();
        let language = check.language("language", value.into());
        check.done().map(|()| language).map_err(|error| match error {
            Error::Invalid(violations) => violations[0].reason,
            _ => "",
        })
    };
    for (value, language) in [
        ("ru", Some(Language::Ru)),
        ("ru-KG", Some(Language::Ru)),
        ("ru_KG", Some(Language::Ru)),
        (" RU ", Some(Language::Ru)),
        ("ky-Cyrl-KG", Some(Language::Ky)),
        ("en-US", Some(Language::En)),
        ("EN", Some(Language::En)),
        ("de", None),
        ("rus", None),
        ("", None),
        ("  ", None),
    ] {
        assert_eq!(read(value), Ok(language), "{value:?}");
    }
    for value in ["%%", "r", "-ru", "1u", "ру", "\0"] {
        assert_eq!(read(value), Err(INVALID), "{value:?}");
    }
    assert_eq!(read(&"x".repeat(35)), Ok(None));
    assert_eq!(read(&"x".repeat(36)), Err(TOO_LONG));
}

/// The reason for which `check` refuses, if it does.
fn reason<T>(check: impl FnOnce(&mut Validator) -> T) -> (T, Option<&'static str>) {
    let mut collected = Validator::default();
    let value = check(&mut collected);
    let reasons: Vec<_> = match collected.done() {
        Err(Error::Invalid(violations)) => violations.iter().map(|violation| violation.reason).collect(),
        done => done.map(|()| Vec::new()).unwrap(),
    };
    assert!(reasons.len() < 2, "{reasons:?}");
    (value, reasons.first().copied())
}

#[test]
fn texts_have_their_characters_counted_and_their_ends_trimmed() {
    let long = |count| "я".repeat(count);
    assert_eq!(reason(|check| check.text("t", format!(" {} ", long(5)), 5)), (long(5), None));
    assert_eq!(reason(|check| check.text("t", long(6), 5)), (String::new(), Some(TOO_LONG)));
    assert_eq!(reason(|check| check.text("t", " ".into(), 5)), (String::new(), None));
    assert_eq!(reason(|check| check.words("t", " a\n\u{a0} b ".into(), 5)), ("a b".into(), None));
    assert_eq!(reason(|check| check.words("t", long(6), 5)), (String::new(), Some(TOO_LONG)));
    assert_eq!(reason(|check| check.required_text("t", " ".into(), 5)), (String::new(), Some(REQUIRED)));
    assert_eq!(reason(|check| check.required_text("t", long(6), 5)), (String::new(), Some(TOO_LONG)));
    assert_eq!(reason(|check| check.untrimmed("t", " а ".into(), 3)), (" а ".into(), None));
    assert_eq!(reason(|check| check.untrimmed("t", " а  ".into(), 3)), (String::new(), Some(TOO_LONG)));
    assert_eq!(reason(|check| check.untrimmed("t", " \n".into(), 3)), (String::new(), Some(REQUIRED)));
    assert_eq!(reason(|check| check.untrimmed("t", "a\0".into(), 3)), (String::new(), Some(INVALID)));
    assert_eq!(reason(|check| check.name("t", "x".repeat(64))).1, None);
    assert_eq!(reason(|check| check.name("t", "x".repeat(65))).1, Some(TOO_LONG));
    assert_eq!(reason(|check| check.optional_name("t", String::new())), (String::new(), None));
    assert_eq!(reason(|check| check.optional_name("t", "x".repeat(65))).1, Some(TOO_LONG));
}

#[test]
fn lists_numbers_and_words_are_within_their_bounds() {
    assert_eq!(reason(|check| check.list("l", vec![1, 2, 3], 3)), (vec![1, 2, 3], None));
    assert_eq!(reason(|check| check.list("l", vec![1, 2, 3, 4], 3)), (vec![1, 2, 3], Some(TOO_LONG)));
    for (year, read) in [
        (None, Ok(None)),
        (Some(0), Ok(None)),
        (Some(1900), Ok(Some(1900))),
        (Some(2100), Ok(Some(2100))),
        (Some(1899), Err(OUT_OF_RANGE)),
        (Some(2101), Err(OUT_OF_RANGE)),
        (Some(-1), Err(OUT_OF_RANGE)),
        (Some(67_554), Err(OUT_OF_RANGE)),
    ] {
        let (value, refused) = reason(|check| check.year("year", year));
        assert_eq!(refused.map_or(Ok(value), Err), read, "{year:?}");
    }
    use crate::domain::vehicle::Trunk;
    assert_eq!(reason(|check| check.word::<Trunk>("w", " yes ".into())), (Some(Trunk::Yes), None));
    assert_eq!(reason(|check| check.word::<Trunk>("w", String::new())), (None, None));
    assert_eq!(reason(|check| check.word::<Trunk>("w", "Yes".into())), (None, Some(INVALID)));
    use crate::proto::lekalo::v1::Channel;
    assert_eq!(reason(|check| check.enumeration::<Channel>("e", 4)), (Channel::Web, None));
    assert_eq!(reason(|check| check.enumeration::<Channel>("e", 0)), (Channel::Unspecified, None));
    assert_eq!(reason(|check| check.enumeration::<Channel>("e", 5)), (Channel::Unspecified, Some(INVALID)));
    assert_eq!(reason(|check| check.required_enumeration::<Channel>("e", 0)).1, Some(REQUIRED));
    assert_eq!(reason(|check| check.required_enumeration::<Channel>("e", 5)).1, Some(INVALID));
    assert_eq!(reason(|check| check.required_enumeration::<Channel>("e", 4)), (Channel::Web, None));
    let id = "0198b5d2-8c1e-7f6a-9d43-5b0c2f7e1a90";
    let (read, refused) = reason(|check| check.uuid("id", &format!(" {id} ")));
    assert_eq!((read.map(|id| id.to_string()).as_deref(), refused), (Some(id), None));
    assert_eq!(reason(|check| check.uuid("id", " ")), (None, None));
    assert_eq!(reason(|check| check.uuid("id", &id[1..])), (None, Some(INVALID)));
}

#[test]
fn any_time_there_is_is_taken() {
    let read = |seconds, nanos| reason(|check| check.any_time("at", Some(Timestamp { seconds, nanos })));
    for (seconds, nanos) in [(-62_135_596_800, 0), (253_402_300_799, 999_999_999), (0, 0)] {
        let (time, refused) = read(seconds, nanos);
        assert!(time.is_some() && refused.is_none(), "{seconds} {nanos}");
    }
    for (seconds, nanos) in [(-62_135_596_801, 0), (253_402_300_800, 0), (0, -1), (0, 1_000_000_000)] {
        assert_eq!(read(seconds, nanos), (None, Some(INVALID)), "{seconds} {nanos}");
    }
    assert_eq!(reason(|check| check.any_time("at", None)), (None, None));
}

#[test]
fn a_page_is_refused_with_everything_that_is_wrong_with_it() {
    let mut check = Validator::default();
    check.page(&PageKey::new(b""), -1, "x", -1, &["a"]);
    let Err(Error::Invalid(violations)) = check.done() else { panic!("expected violations") };
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["page_size", "skip", "page_token"]);
    let mut check = Validator::default();
    let page = check.page(&PageKey::new(b""), 0, "", 0, &["a"]);
    assert!(check.done().is_ok());
    assert_eq!(page.size, 50);
    assert!(matches!(Validator::default().done_with::<i32>(None), Err(Error::Internal(_))));
}
