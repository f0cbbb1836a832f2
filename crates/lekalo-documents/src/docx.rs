//! Tables of Word documents (DOCX).

use std::io::{BufReader, Cursor};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use crate::ExtractError;
use crate::markup::{Markup, Start};
use crate::table::Table;

/// The part that holds the text.
pub(crate) const PART: &str = "word/document.xml";

/// Reads the tables of a document whose archive is known to be whole.
///
/// # Errors
/// When it is damaged, or none of its tables has a header and rows.
pub(crate) fn read(bytes: &[u8]) -> Result<Table, ExtractError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged())?;
    let part = archive.by_name(PART).map_err(|_| damaged())?;
    let mut reader = Reader::from_reader(BufReader::new(part));
    reader.config_mut().expand_empty_elements = true;
    let mut document = Document::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(|_| damaged())? {
            Event::Start(element) => document.start(&element)?,
            Event::End(element) => document.end(element.local_name().as_ref()),
            Event::Text(text) if document.is_text => document.markup.text(&text.xml10_content()),
            Event::CData(text) if document.is_text => document.markup.text(&text.xml10_content()),
            Event::GeneralRef(reference) if document.is_text => {
                let named = || quick_xml::escape::resolve_predefined_entity(&reference).map(str::to_owned);
                let numbered = reference.resolve_char_ref().ok().flatten().map(String::from);
                document.markup.text(&numbered.or_else(named).ok_or_else(damaged)?);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if document.depth == 0 { document.markup.read() } else { Err(damaged()) }
}

#[derive(Default)]
struct Document {
    markup: Markup,
    /// How many elements are open.
    depth: usize,
    /// Whether what comes is text that is seen.
    is_text: bool,
    /// A cell has begun whose properties may still come.
    cell: Option<(u32, Merged)>,
}

/// How a cell is merged with those above and below.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Merged {
    No,
    Begins,
    GoesOn,
}

impl Document {
    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), ExtractError> {
        self.depth += 1;
        let value = || element.try_get_attribute("w:val").ok().flatten().map(|value| value.value.into_owned());
        match element.local_name().as_ref() {
            "tbl" => {
                self.open_cell();
                self.markup.table()?;
            }
            "tr" => self.markup.row(),
            "tc" => self.cell = Some((1, Merged::No)),
            "gridSpan" => {
                if let Some((columns, _)) = &mut self.cell {
                    *columns = value().and_then(|value| value.parse().ok()).unwrap_or(1);
                }
            }
            "vMerge" => {
                if let Some((_, merged)) = &mut self.cell {
                    *merged = if value().as_deref() == Some("restart") { Merged::Begins } else { Merged::GoesOn };
                }
            }
            "p" => self.open_cell(),
            "t" => self.is_text = true,
            "br" | "cr" => self.markup.line_end(),
            "tab" if self.cell.is_none() => self.markup.text(" "),
            "noBreakHyphen" => self.markup.text("-"),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        match name {
            "tbl" => self.markup.end_table(),
            "tc" => {
                self.open_cell();
                self.markup.end_cell();
            }
            "p" => self.markup.line_end(),
            "t" => self.is_text = false,
            _ => {}
        }
    }

    /// Its properties are known once its first paragraph begins.
    fn open_cell(&mut self) {
        if let Some((columns, merged)) = self.cell.take() {
            self.markup.cell(match merged {
                Merged::GoesOn => Start::Continued { columns },
                Merged::No | Merged::Begins => Start::Cell { columns, rows: 1 },
            });
        }
    }
}

fn damaged() -> ExtractError {
    ExtractError::new(
        "FILE_DAMAGED",
        "the document cannot be read: its text is damaged",
        "save it again as DOCX or XLSX",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::{NoticeKind, extract};

    fn document(body: &str) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(PART, zip::write::SimpleFileOptions::default()).unwrap();
        write!(zip, "<?xml version=\"1.0\"?><w:document xmlns:w=\"x\"><w:body>{body}</w:body></w:document>").unwrap();
        zip.finish().unwrap().into_inner()
    }

    fn paragraph(text: &str) -> String {
        format!(
            "<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>"
        )
    }

    fn table(rows: &[&[(&str, &str)]]) -> String {
        let cell = |(properties, text): &(&str, &str)| {
            format!("<w:tc><w:tcPr>{properties}</w:tcPr>{}</w:tc>", paragraph(text))
        };
        let row = |row: &&[(&str, &str)]| format!("<w:tr>{}</w:tr>", row.iter().map(cell).collect::<String>());
        format!("<w:tbl><w:tblPr/>{}</w:tbl>", rows.iter().map(row).collect::<String>())
    }

    #[test]
    fn tables_of_a_document_are_read_and_the_text_around_them_is_told() {
        let (begins, goes_on) = ("<w:vMerge w:val=\"restart\"/>", "<w:vMerge/>");
        let list = table(&[
            &[("", "Марка"), ("", "Модель"), ("<w:gridSpan w:val=\"2\"/>", "Год выпуска")],
            &[("", ""), ("", ""), ("", "с"), ("", "по")],
            &[(begins, "Кедр &amp; Ко"), ("", "А6"), ("", "2012"), ("", "2015")],
            &[(goes_on, ""), ("", "А7"), ("", "2016"), ("", "")],
            &[("", "Бриз"), ("", "2"), ("", "&#50;018"), ("", "")],
        ]);
        let file = document(&[paragraph("Прайс"), list, paragraph(""), paragraph("тел. 0555")].concat());
        let read = extract(&file).unwrap();
        assert_eq!(read.header, ["Марка", "Модель", "Год выпуска с", "Год выпуска по"]);
        let rows: Vec<String> = read.rows.iter().map(|row| row.cells.join("|")).collect();
        assert_eq!(rows, ["Кедр & Ко|А6|2012|2015", "Кедр & Ко|А7|2016|", "Бриз|2|2018|"]);
        let told: Vec<_> =
            read.notices.iter().map(|notice| (notice.kind, notice.count, notice.text.as_str())).collect();
        assert_eq!(told, [(NoticeKind::AroundTable, 2, "Прайс / тел. 0555")]);
    }

    #[test]
    fn a_document_that_breaks_off_or_has_no_table_is_refused() {
        assert_eq!(extract(&document(&paragraph("Прайс"))).unwrap_err().code, "NO_HEADER");
        assert_eq!(extract(&document("<w:tbl><w:tr>")).unwrap_err().code, "FILE_DAMAGED");
        let list = table(&[&[("", "Марка"), ("", "Модель")], &[("", "Кедр"), ("", "А6")]]);
        assert_eq!(extract(&document(&list)).unwrap().rows.len(), 1);
    }
}
