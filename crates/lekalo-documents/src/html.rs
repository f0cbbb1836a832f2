//! Tables of web pages, and of what programs call a spreadsheet and is one.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1251};
use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

use crate::ExtractError;
use crate::encodings;
use crate::markup::{Markup, Start};
use crate::notice::{Notice, NoticeKind};
use crate::table::Table;

/// Elements that begin and end lines.
const BLOCKS: [&[u8]; 14] =
    [b"p", b"div", b"li", b"ul", b"ol", b"h1", b"h2", b"h3", b"h4", b"h5", b"h6", b"section", b"caption", b"body"];
/// Elements whose text nobody sees.
const UNSEEN: [&[u8]; 5] = [b"script", b"style", b"title", b"noscript", b"template"];
/// Where a page says how it is encoded.
const HEAD: usize = 4096;

/// Reads the tables of a web page.
///
/// # Errors
/// When none has a header and rows.
pub fn read(bytes: &[u8]) -> Result<Table, ExtractError> {
    let (text, guessed) = decode(bytes);
    if text.contains('\0') {
        return Err(ExtractError::new("FILE_DAMAGED", "the page holds a zero character", "save it again"));
    }
    let mut markup = Markup::default();
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut unseen = None;
    for token in Tokenizer::new_with_emitter(text.as_str(), emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) if unseen.is_none() => {
                if UNSEEN.contains(&tag.name.as_slice()) && !tag.self_closing {
                    unseen = Some(tag.name);
                } else {
                    start(&mut markup, &tag)?;
                }
            }
            Token::EndTag(tag) => match &unseen {
                Some(name) if *name == tag.name => unseen = None,
                Some(_) => {}
                None => end(&mut markup, &tag.name),
            },
            Token::String(text) if unseen.is_none() => {
                // Where the file's lines end says nothing.
                let text = String::from_utf8_lossy(&text).replace(['\n', '\r'], " ");
                markup.text(&text);
            }
            _ => {}
        }
    }
    let mut table = markup.read()?;
    if let Some(encoding) = guessed {
        Notice::new(NoticeKind::EncodingGuessed, 1, 0, encoding.name()).add_to(&mut table.notices);
    }
    Ok(table)
}

fn start(markup: &mut Markup, tag: &StartTag<()>) -> Result<(), ExtractError> {
    let number = |name: &[u8]| {
        let text = tag.attributes.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
        text.and_then(|text| text.trim().parse::<u32>().ok()).unwrap_or(1)
    };
    match tag.name.as_slice() {
        b"table" => markup.table()?,
        b"tr" => markup.row(),
        b"td" | b"th" => markup.cell(Start::Cell { columns: number(b"colspan"), rows: number(b"rowspan") }),
        b"br" => markup.line_end(),
        name if BLOCKS.contains(&name) => markup.line_end(),
        _ => {}
    }
    Ok(())
}

fn end(markup: &mut Markup, name: &[u8]) {
    match name {
        b"table" => markup.end_table(),
        b"td" | b"th" | b"tr" => markup.end_cell(),
        name if BLOCKS.contains(&name) => markup.line_end(),
        _ => {}
    }
}

/// The page's text: by its byte order mark, as UTF-8, as it says itself, or by its letters, which is told.
fn decode(bytes: &[u8]) -> (String, Option<&'static Encoding>) {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return (encoding.decode(bytes).0.into_owned(), None);
    }
    let head = String::from_utf8_lossy(bytes.get(..HEAD).unwrap_or(bytes)).to_lowercase();
    let label = head.split_once("charset=").map(|(_, rest)| rest.trim_start_matches(['"', '\'']));
    let label =
        label.and_then(|rest| rest.split(|ch: char| !(ch.is_ascii_alphanumeric() || "-_:".contains(ch))).next());
    let said = label.and_then(|label| Encoding::for_label(label.as_bytes()));
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (text.to_owned(), None);
    }
    let encoding = said.filter(|said| *said != UTF_8).unwrap_or_else(|| encodings::guess(bytes, |_| false));
    let guessed = (said != Some(encoding) && encoding != WINDOWS_1251).then_some(encoding);
    (encoding.decode_without_bom_handling(bytes).0.into_owned(), guessed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(html: &str) -> Vec<String> {
        let table = read(html.as_bytes()).unwrap();
        table.rows.iter().map(|row| format!("{}.{} {}", row.page_number, row.row_number, row.cells.join("|"))).collect()
    }

    #[test]
    fn cells_are_read_as_they_are_seen() {
        let html = "<!DOCTYPE html><title>Прайс</title><style>td { color: red }</style><h1>Прайс</h1>\n<p>тел. <b>0555</b></p>\
            <table><thead><tr><th>Марка<th>Модель<th>Описание</thead><tr><td rowspan=2>Кедр &amp; Ко<td> А6\n купе<td>с&nbsp;бортами<br>левый\
            <tr><td>А7<td><p>без</p><p>бортов</p><tr><td>Бриз<td colspan='2'>2</table><script>'<table>'</script>";
        assert_eq!(
            rows(html),
            ["1.1 Кедр & Ко|А6 купе|с бортами\nлевый", "1.2 Кедр & Ко|А7|без\nбортов", "1.3 Бриз|2|"]
        );
        let told = read(html.as_bytes()).unwrap().notices;
        assert_eq!(
            told.iter().map(|notice| (notice.kind, notice.count, notice.text.as_str())).collect::<Vec<_>>(),
            [(NoticeKind::AroundTable, 2, "Прайс / тел. 0555")]
        );
    }

    #[test]
    fn tables_in_and_after_each_other_are_read_and_told() {
        let table = |cells: &[&str]| {
            let cell = |text: &&str| format!("<td>{text}</td>");
            let row = |row: &[&str]| format!("<tr>{}</tr>", row.iter().map(cell).collect::<String>());
            format!("<table>{}</table>", cells.chunks(2).map(row).collect::<String>())
        };
        let (first, second) = (table(&["Марка", "Модель", "Кедр", "А6"]), table(&["Бриз", "2", "Лотос", "3"]));
        let html = format!("<table><tr><td>Меню<td>{first}</table>{second}<table><tr><td>Контакты</table>");
        assert_eq!(rows(&html), ["2.1 Кедр|А6", "3.1 Бриз|2", "3.2 Лотос|3"]);
        let told = read(html.as_bytes()).unwrap();
        assert_eq!(told.headers.len(), 1);
        assert_eq!(
            told.notices.iter().map(|notice| (notice.page_number, notice.count)).collect::<Vec<_>>(),
            [(1, 1), (4, 1)]
        );
        assert_eq!(read(b"<html><body><p>text").unwrap_err().code, "NO_HEADER");
    }

    #[test]
    fn a_page_is_encoded_as_it_says_or_as_its_letters_do() {
        let html = |head: &str| {
            format!("<html><head>{head}</head><table><tr><td>Марка<td>Модель<tr><td>Кедр<td>серебристый</table>")
        };
        for (name, head) in [
            ("windows-1251", "<meta http-equiv=Content-Type content=\"text/html; charset=windows-1251\">"),
            ("koi8-r", "<meta charset='koi8-r'>"),
            ("ibm866", ""),
            ("utf-8", ""),
        ] {
            let encoding = Encoding::for_label(name.as_bytes()).unwrap();
            let table = read(&encoding.encode(&html(head)).0).unwrap();
            assert_eq!(table.rows[0].cells, ["Кедр", "серебристый"], "{name}");
            assert_eq!(table.notices.len(), usize::from(name == "ibm866"));
        }
    }

    #[test]
    fn what_is_repeated_without_end_is_refused() {
        assert_eq!(read("<table>".repeat(100).as_bytes()).unwrap_err().code, "LIMIT_EXCEEDED");
        let html =
            "<table><tr><th>Марка<th>Модель<tr><td rowspan=4294967295>Кедр<td colspan=4294967295>А6<tr><td>А7</table>";
        assert_eq!(rows(html), ["1.1 Кедр|А6", "1.2 Кедр|А7"]);
    }
}
