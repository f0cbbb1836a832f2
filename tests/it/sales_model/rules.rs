//! What the comments of `proto/` promise about each field, read from the descriptor; and requests spoiled in one field.

use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value};

use crate::support::methods::is_unnamed;

/// A promise about a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// At most so many characters.
    Characters(usize),
    /// At most so many bytes of UTF-8.
    Bytes(usize),
    /// At most so many elements.
    Elements(usize),
    Required,
    /// From the one to the other; what is above is refused, or cut.
    Numbers(i64, i64),
    /// Anything from 0 on.
    NotNegative,
    /// Of the numbers of an enum.
    Enum,
    Uuid,
    /// One of some words.
    Word,
    /// A language tag; which need not be served.
    Language,
    Currency,
    /// A time that there is.
    Time,
    /// A time of this century.
    Served,
    Money,
}

/// A field of a request, at its place.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// As violations name it.
    pub name: String,
    pub field: FieldDescriptor,
    /// The fields on the way to it; of a list, the first element.
    way: Vec<FieldDescriptor>,
    /// Of a list of strings, its first element.
    is_element: bool,
    comment: String,
}

/// The fields that a request has, those of its parts too. A part without any in it is an error: nothing would be known
/// of its fields.
pub fn leaves(good: &DynamicMessage) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(good, &good.descriptor(), "", &[], &mut found);
    let method = good.descriptor().name().trim_end_matches("Request").to_owned();
    found.retain(|leaf| !is_unnamed(&method, &leaf.name));
    found
}

fn collect(
    part: &DynamicMessage,
    descriptor: &MessageDescriptor,
    prefix: &str,
    way: &[FieldDescriptor],
    found: &mut Vec<Leaf>,
) {
    for field in descriptor.fields() {
        let comment = comment(&field);
        if comment.starts_with("Output only") {
            continue;
        }
        let name = format!("{prefix}{}", field.name());
        let leaf = |name: String, is_element| Leaf {
            name,
            field: field.clone(),
            way: way.to_vec(),
            is_element,
            comment: comment.clone(),
        };
        found.push(leaf(name.clone(), false));
        let ours = match field.kind() {
            Kind::Message(message) => message.full_name().starts_with("lekalo."),
            Kind::String if field.is_list() => {
                found.push(leaf(format!("{name}[0]"), true));
                false
            }
            _ => false,
        };
        if ours {
            let value = part.get_field(&field);
            let inner = match value.as_ref() {
                Value::List(elements) => elements.first().and_then(Value::as_message),
                value => value.as_message(),
            };
            let Kind::Message(message) = field.kind() else { continue };
            let inner = inner.filter(|_| part.has_field(&field)).unwrap_or_else(|| panic!("{name} is not filled"));
            let prefix = if field.is_list() { format!("{name}[0].") } else { format!("{name}.") };
            collect(inner, &message, &prefix, &[way, std::slice::from_ref(&field)].concat(), found);
        }
    }
}

/// What stands above the field in its file, in one line.
fn comment(field: &FieldDescriptor) -> String {
    let message = field.parent_message();
    let file = message.parent_file_descriptor_proto();
    let info = file.source_code_info.as_ref().expect("the descriptor has comments");
    let place = info.location.iter().find(|place| place.path == field.path());
    let text = place.map(|place| place.leading_comments().to_owned()).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The number before or after some words.
fn number_after(text: &str, words: &str) -> Option<i64> {
    let rest = &text[text.find(words)? + words.len()..];
    let digits: String = rest.chars().take_while(|ch| ch.is_ascii_digit() || *ch == ',').collect();
    digits.replace(',', "").parse().ok()
}

/// "1900 to 2100": both ends.
fn ends(text: &str) -> Option<(i64, i64)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let number = |word: &str| word.trim_end_matches(['.', ';', ',']).replace(',', "").parse::<i64>().ok();
    words.windows(3).filter(|three| three[1] == "to").find_map(|three| Some((number(three[0])?, number(three[2])?)))
}

impl Leaf {
    /// What its comment promises.
    pub fn rules(&self) -> Vec<Rule> {
        let text = self.comment.to_lowercase();
        let mut rules = Vec::new();
        let count = |number: i64| usize::try_from(number).unwrap();
        if self.is_element {
            rules.extend(number_after(&text, "each at most ").map(|most| Rule::Characters(count(most))));
            return rules;
        }
        if ["required.", "required;", "required,"].iter().any(|word| text.contains(word)) && !self.is_conditional() {
            rules.push(Rule::Required);
        }
        let kind = self.field.kind();
        if self.field.is_list() {
            let most = number_after(&text, "at most ").or_else(|| ends(&text).map(|(_, most)| most));
            rules.push(Rule::Elements(count(most.unwrap_or_else(|| panic!("{}: how many?", self.name)))));
            return rules;
        }
        match kind {
            Kind::String => {
                let characters = text.contains("characters");
                let most = number_after(&text, "at most ").or_else(|| ends(&text).map(|(_, most)| most));
                rules.extend(most.filter(|_| characters).map(|most| Rule::Characters(count(most))));
                let in_bytes = text.contains("bytes of utf-8");
                let most_bytes = number_after(&text, "at most ").filter(|_| in_bytes);
                rules.extend(most_bytes.map(|most| Rule::Bytes(count(most))));
                let of = |rule, words: &[&str]| words.iter().any(|word| text.contains(word)).then_some(rule);
                rules.extend(of(Rule::Uuid, &["no uuid: invalid_argument"]));
                rules.extend(of(Rule::Language, &["no language tag: invalid_argument"]));
                rules.extend(of(Rule::Currency, &["not three capital letters"]));
                let unknown =
                    ["unknown: invalid_argument `field_invalid`", "another: invalid_argument `field_invalid`"];
                rules.extend(of(Rule::Word, &unknown));
                let form = rules.iter().any(|rule| *rule != Rule::Required);
                assert!(form, "{} does not say what it takes: {text}", self.name);
            }
            Kind::Int32 | Kind::Int64 => {
                let most = number_after(&text, "up to ").map(|most| (0, most));
                match ends(&text).or(most) {
                    Some((least, most)) => rules.push(Rule::Numbers(least, most)),
                    None if text.contains("negative: invalid_argument") => rules.push(Rule::NotNegative),
                    None => panic!("{} does not say what it takes: {text}", self.name),
                }
            }
            Kind::Enum(_) => rules.push(Rule::Enum),
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Timestamp" => {
                    rules.push(Rule::Time);
                    rules.extend(text.contains("2100-01-01").then_some(Rule::Served));
                }
                "google.type.Money" => rules.push(Rule::Money),
                _ => {}
            },
            _ => {}
        }
        rules
    }

    /// Whether it is required only sometimes: a table of its own would say when.
    fn is_conditional(&self) -> bool {
        let text = self.comment.to_lowercase();
        let conditions = ["required for", "required with", "required there", "required, unless", "required, except"];
        conditions.iter().any(|condition| text.contains(condition))
    }

    /// A number as the field has it.
    pub fn number(&self, number: i64) -> Value {
        match self.field.kind() {
            Kind::Int64 => Value::I64(number),
            _ => Value::I32(number.try_into().unwrap()),
        }
    }

    /// The request with another value here.
    pub fn set(&self, request: &mut DynamicMessage, value: Value) {
        let part = self.holder(request);
        if self.is_element {
            part.set_field(&self.field, Value::List(vec![value]));
        } else {
            part.set_field(&self.field, value);
        }
    }

    /// The part of the request that it is a field of; of a list the first element.
    fn holder<'a>(&self, request: &'a mut DynamicMessage) -> &'a mut DynamicMessage {
        self.way.iter().fold(request, |part, field| {
            let next = match part.get_field_mut(field) {
                Value::List(elements) => elements.first_mut().unwrap(),
                next => next,
            };
            let Value::Message(inner) = next else { panic!("{} has no parts", self.name) };
            inner
        })
    }

    /// What stands here.
    pub fn get(&self, request: &DynamicMessage) -> Option<Value> {
        let mut part = request.clone();
        for field in &self.way {
            let next = match part.get_field(field).into_owned() {
                Value::List(elements) => elements.into_iter().next()?,
                next => next,
            };
            let Value::Message(inner) = next else { return None };
            part = inner;
        }
        match part.get_field(&self.field).into_owned() {
            Value::List(elements) if self.is_element => elements.into_iter().next(),
            value => Some(value),
        }
    }

    pub fn with(&self, request: &DynamicMessage, value: Value) -> DynamicMessage {
        let mut request = request.clone();
        self.set(&mut request, value);
        request
    }

    /// The request without it.
    pub fn without(&self, request: &DynamicMessage) -> DynamicMessage {
        let mut request = request.clone();
        self.holder(&mut request).clear_field(&self.field);
        request
    }

    /// The request with so many elements here, each as the first.
    pub fn repeated(&self, request: &DynamicMessage, times: usize) -> DynamicMessage {
        let one = match self.field.kind() {
            Kind::Message(message) => Value::Message(DynamicMessage::new(message)),
            _ => Value::String("x".into()),
        };
        self.with(request, Value::List(vec![one; times]))
    }

    /// A message of this field's type.
    pub fn message(&self, encoded: &[u8]) -> Value {
        let Kind::Message(message) = self.field.kind() else { panic!("{} is no message", self.name) };
        Value::Message(DynamicMessage::decode(message, encoded).unwrap())
    }

    /// The request without what must not be given together with this.
    pub fn alone(&self, good: &DynamicMessage) -> DynamicMessage {
        let mut request = good.clone();
        if self.name == "key_prefix" {
            request.clear_field_by_name("keys");
        }
        if self.name == "texts[0].value" {
            self.holder(&mut request).clear_field_by_name("list");
        }
        request
    }
}

/// Whether two requests differ.
pub fn differ(one: &DynamicMessage, other: &DynamicMessage) -> bool {
    one.encode_to_vec() != other.encode_to_vec()
}
