//! The two ways to write an address, taken apart.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

pub(super) const NO_URL: &str = "is not a database URL; expected postgres://USER:PASSWORD@HOST:PORT/NAME, with special \
                                 characters in the password percent-encoded";
const NO_ADDRESS: &str = "must begin with postgres:// or postgresql://, or be parameters such as `host=db dbname=shop`";

/// What an address says.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// `user:password@`, percent-encoded, or nothing.
    pub credentials: String,
    /// Percent-encoded, or nothing.
    pub database: String,
    /// Percent-encoded.
    pub hosts: Vec<String>,
    /// Theirs, one for each or one for all, with commas; nothing: the usual one.
    pub ports: String,
    /// By name, decoded.
    pub parameters: Vec<(String, String)>,
    /// Whether it may have been taken apart at the wrong place: what is wrong with it is not told word for word.
    pub is_suspicious: bool,
}

pub(super) fn read(text: &str) -> Result<Text, String> {
    if let Some((scheme, rest)) = text.split_once("://")
        // SQLAlchemy's driver comes after a plus.
        && matches!(scheme.split('+').next(), Some("postgres" | "postgresql"))
    {
        return url(rest);
    }
    let starts_with_a_name = text.split_once('=').is_some_and(|(name, _)| {
        let name = name.trim();
        !name.is_empty() && name.chars().all(|ch| ch.is_ascii_lowercase() || ch == '_')
    });
    if !starts_with_a_name {
        return Err(NO_ADDRESS.into());
    }
    let parameters = pairs(text).ok_or("is not `name=value name='a value with spaces' …`, as libpq has it")?;
    Ok(Text { parameters, ..Text::default() })
}

/// What follows `postgres://`.
fn url(rest: &str) -> Result<Text, String> {
    // A raw `?` may be in the password, as libpq has it, and a raw `/`, as the driver has it.
    let ends = |end: char| rest.find(end).unwrap_or(rest.len());
    let head = if rest[..ends('/')].contains('@') { rest } else { &rest[..ends('?')] };
    let (credentials, rest) = rest.split_at(head.find('@').map_or(0, |at| at + 1));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    // A piece of a password is before it, in the place of the host.
    if database.contains('@') {
        return Err(NO_URL.into());
    }
    let places: Vec<(&str, &str)> = hosts.split(',').map(place).collect::<Option<_>>().ok_or(NO_URL)?;
    let (hosts, ports): (Vec<&str>, Vec<&str>) = places.into_iter().unzip();
    let has_ports = ports.iter().any(|port| !port.is_empty());
    let parameters = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((decoded(name)?, decoded(value)?))
    });
    Ok(Text {
        credentials: credentials.to_owned(),
        database: database.to_owned(),
        hosts: hosts.into_iter().filter(|host| !host.is_empty()).map(str::to_owned).collect(),
        ports: if has_ports { ports.join(",") } else { String::new() },
        parameters: parameters.collect::<Option<_>>().ok_or(NO_URL)?,
        is_suspicious: query.contains('@'),
    })
}

/// `host`, `host:port`, `[::1]:port`.
fn place(text: &str) -> Option<(&str, &str)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(address) => address.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    Some((host, if rest.is_empty() { "" } else { rest.strip_prefix(':')? }))
}

fn decoded(text: &str) -> Option<String> {
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// libpq's `name=value`: values with spaces are in quotes, a backslash takes the next character as it is.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let (mut pairs, mut rest) = (Vec::new(), text.trim_start());
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_end();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return None;
        }
        let after = after.trim_start();
        let is_quoted = after.starts_with('\'');
        let (mut value, mut is_closed) = (String::new(), !is_quoted);
        let mut chars = after.strip_prefix('\'').unwrap_or(after).chars();
        rest = loop {
            let left = chars.as_str();
            match chars.next() {
                Some('\\') => value.extend(chars.next()),
                Some('\'') if is_quoted => {
                    is_closed = true;
                    break chars.as_str();
                }
                Some(ch) if !is_quoted && ch.is_whitespace() => break left,
                Some(ch) => value.push(ch),
                None => break left,
            }
        };
        if !is_closed || is_quoted && !(rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            return None;
        }
        pairs.push((name.to_owned(), value));
        rest = rest.trim_start();
    }
    Some(pairs)
}
