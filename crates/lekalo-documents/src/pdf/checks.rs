//! Is the file whole? Each check here turns a way of silently losing rows into an error.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read};
use std::rc::Rc;

use flate2::bufread;
use flate2::read::ZlibDecoder;
use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction;
use hayro_syntax::object::{Array, Dict, Name, Object, ObjectIdentifier, Stream};
use hayro_syntax::page::{Page, Resources};
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use super::{PdfError, PdfLimits};

/// How deeply drawings may contain drawings; the interpreter stops there silently.
const MAX_FORM_DEPTH: u32 = 40;

/// How often a stream may be compressed over and over.
const MAX_LAYERS: usize = 8;

/// How often each byte of a file may be read on the way through the checks, and how many bytes in any case.
const READS: u64 = 2 * MAX_LAYERS as u64;
const SPARE: u64 = 1 << 20;

/// Where the marks of a PDF file's beginning and end may stand.
const MARK_DISTANCE: usize = 1024;

/// The file's outside, before anything is parsed: its marks, and that it is no decompression bomb.
pub(super) fn file(bytes: &[u8], reads: &ReadBudget, limits: &PdfLimits) -> Result<(), PdfError> {
    if bytes.is_empty() {
        return Err(PdfError::Empty);
    }
    let head = bytes.get(..MARK_DISTANCE).unwrap_or(bytes);
    if find(head, b"%PDF-").is_none() {
        return Err(PdfError::NotPdf);
    }
    let tail = bytes.get(bytes.len().saturating_sub(MARK_DISTANCE)..).unwrap_or(bytes);
    if find(tail, b"%%EOF").is_none() {
        return Err(PdfError::Truncated);
    }
    // Opening the document inflates some streams without a cap: measure every one beforehand, whatever it is for.
    let mut budget = Budget::new(limits, reads);
    let mut rest = bytes;
    while let Some(at) = find(rest, b"stream") {
        rest = rest.get(at + b"stream".len()..).unwrap_or_default();
        let data = rest.strip_prefix(b"\r").unwrap_or(rest);
        let data = data.strip_prefix(b"\n").unwrap_or(data);
        budget.measure(data)?;
    }
    Ok(())
}

/// Parses the document; an encrypted one with the empty password.
pub(super) fn open(bytes: &[u8]) -> Result<Pdf, PdfError> {
    Pdf::new(bytes.to_vec()).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => PdfError::PasswordProtected,
        LoadPdfError::Decryption(_) => PdfError::UnsupportedEncryption,
        LoadPdfError::Invalid => PdfError::damaged(None, "its table of contents or its list of pages cannot be read"),
    })
}

/// Every compressed stream inflates to its end and matches its checksum, all of them within the limit.
pub(super) fn streams(pdf: &Pdf, reads: &ReadBudget, limits: &PdfLimits) -> Result<(), PdfError> {
    let mut budget = Budget::new(limits, reads);
    for object in pdf.objects() {
        let Object::Stream(stream) = object else {
            continue;
        };
        // Neither holds text, and in an encrypted file both may stand unencrypted.
        let kind = stream.dict().get::<Name<'_>>("Type");
        if kind.is_some_and(|kind| matches!(kind.as_ref(), b"XRef" | b"Metadata")) {
            continue;
        }
        decode(&stream, &mut budget)?;
    }
    Ok(())
}

/// The page tree is complete, and every page's content is there, is understood to its end and finds its fonts and forms.
/// Returns of each page whether it has an instruction to show text.
pub(super) fn pages(pdf: &Pdf, limits: &PdfLimits) -> Result<Vec<bool>, PdfError> {
    let pages = pdf.pages();
    if pages.len() > limits.max_pages {
        return Err(PdfError::too_many_pages(limits));
    }
    let catalog = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id());
    let count = catalog.and_then(|catalog| catalog.get::<Dict<'_>>("Pages")).and_then(|tree| tree.get::<i32>("Count"));
    if count.is_none_or(|count| usize::try_from(count) != Ok(pages.len())) {
        let told = count.map_or("an unknown number of".to_string(), |count| count.to_string());
        return Err(PdfError::damaged(None, format!("it says it has {told} pages, {} could be read", pages.len())));
    }
    let mut content_of = HashSet::new();
    let mut forms = HashMap::new();
    let mut has_text = Vec::new();
    for (number, page) in (1..).zip(pages.iter()) {
        let in_page = |check: String| PdfError::damaged(Some(number), check);
        let content = content_streams(page).map_err(in_page)?;
        // One damaged reference would otherwise show another page's rows twice and this page's never.
        if !content_of.insert(content.iter().map(Stream::obj_id).collect::<Vec<_>>()) {
            return Err(in_page("it shows the same content as another page".into()));
        }
        let text = page.page_stream().ok_or_else(|| in_page("its content cannot be decoded".into()))?;
        has_text.push(understood(text, page.resources(), &mut forms, 0).map_err(in_page)?);
    }
    Ok(has_text)
}

/// The streams that make up a page; all of them must be there.
fn content_streams<'a>(page: &Page<'a>) -> Result<Vec<Stream<'a>>, String> {
    let missing = || "its content is missing".to_string();
    if let Some(stream) = page.raw().get::<Stream<'a>>("Contents") {
        return Ok(vec![stream]);
    }
    let array = page.raw().get::<Array<'a>>("Contents").ok_or_else(missing)?;
    let streams: Vec<Stream<'a>> = array.iter::<Stream<'a>>().collect();
    if streams.is_empty() || streams.len() != array.raw_iter().count() { Err(missing()) } else { Ok(streams) }
}

/// Reads a content stream's instructions to the end, and those of the forms it shows: whether one of them shows text.
fn understood<'a>(
    content: &[u8],
    resources: &Resources<'a>,
    seen: &mut HashMap<ObjectIdentifier, bool>,
    depth: u32,
) -> Result<bool, String> {
    if depth > MAX_FORM_DEPTH {
        return Err("its drawings contain each other too deeply".into());
    }
    // The reader stops silently at what it cannot parse: a last instruction of our own tells whether it came through.
    const LAST: &[u8] = b"LekaloLast";
    let content = [content, b"\n", LAST].concat();
    let mut instructions = TypedIter::new(&content);
    let mut compatibility_sections = 0;
    let (mut complete, mut has_text) = (false, false);
    let mut shown = Vec::new();
    while let Some(instruction) = instructions.next() {
        match instruction {
            TypedInstruction::BeginCompatibility(_) => compatibility_sections += 1,
            TypedInstruction::EndCompatibility(_) => compatibility_sections -= 1,
            TypedInstruction::Fallback(operator) if &**operator == LAST => complete = true,
            TypedInstruction::Fallback(operator) if compatibility_sections <= 0 => {
                let operator = String::from_utf8_lossy(operator).chars().take(20).collect::<String>();
                return Err(format!("its content has an instruction that makes no sense ({operator:?})"));
            }
            TypedInstruction::TextFont(font) if resources.get_font(font.0).is_none() => {
                return Err(format!("the font {:?} is missing", font.0.as_str()));
            }
            TypedInstruction::ShowText(_)
            | TypedInstruction::ShowTexts(_)
            | TypedInstruction::NextLineAndShowText(_)
            | TypedInstruction::ShowTextWithParameters(_) => has_text = true,
            TypedInstruction::XObject(form) => {
                let stream = resources.get_x_object(form.0);
                shown.push(stream.ok_or_else(|| format!("the drawing {:?} is missing", form.0.as_str()))?);
            }
            _ => {}
        }
    }
    if !complete {
        return Err("its content breaks off in the middle of an instruction".into());
    }
    for form in shown {
        let is_form = form.dict().get::<Name<'_>>("Subtype").is_some_and(|kind| kind.as_ref() == b"Form");
        if !is_form {
            continue;
        }
        if let Some(shows_text) = seen.get(&form.obj_id()) {
            has_text |= shows_text;
            continue;
        }
        seen.insert(form.obj_id(), false);
        let text = form.decoded_data().map_err(|_| "a drawing in it cannot be decoded".to_string())?;
        let own = form.dict().get::<Dict<'a>>("Resources").map(Resources::new);
        let shows_text = understood(&text, own.as_ref().unwrap_or(resources), seen, depth + 1)?;
        seen.insert(form.obj_id(), shows_text);
        has_text |= shows_text;
    }
    Ok(has_text)
}

/// Decodes a stream as far as its image filters, which carry no text.
fn decode(stream: &Stream<'_>, budget: &mut Budget<'_>) -> Result<(), PdfError> {
    let id = stream.obj_id();
    let broken = |what: &str| PdfError::damaged(None, format!("the stream of object {} {what}", id.obj_number));
    let raw = stream.raw_data();
    budget.reads.spend(raw.len())?;
    let mut data = raw.into_owned();
    for filter in filters(stream) {
        data = match filter.as_ref() {
            b"FlateDecode" | b"Fl" => {
                let inflated = budget.inflate(&data)?;
                inflated.ok_or_else(|| broken("does not decompress to its end or fails its checksum"))?
            }
            b"ASCII85Decode" | b"A85" => ascii85(&data).ok_or_else(|| broken("is no valid ASCII85 text"))?,
            b"ASCIIHexDecode" | b"AHx" => ascii_hex(&data).ok_or_else(|| broken("is no valid hexadecimal text"))?,
            b"Crypt" => data,
            b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode" | b"DCTDecode" | b"DCT" | b"JPXDecode" => {
                return Ok(());
            }
            _ => {
                return Err(PdfError::UnsupportedCompression { filter: filter.as_str().chars().take(40).collect() });
            }
        };
    }
    Ok(())
}

/// The names of a stream's filters, the first to undo first.
fn filters<'a>(stream: &Stream<'a>) -> Vec<Name<'a>> {
    match stream.dict().get::<Object<'a>>("Filter") {
        Some(Object::Name(name)) => vec![name],
        Some(Object::Array(names)) => names.iter::<Name<'a>>().collect(),
        _ => Vec::new(),
    }
}

/// How much of a document may be read in all: each byte some times over, whether anything comes out of it or not. Streams that
/// begin inside of each other would otherwise be read over and over.
pub(super) struct ReadBudget {
    left: Rc<Cell<u64>>,
    max: u64,
}

impl ReadBudget {
    /// For a document of this length: every check reads its streams once.
    pub(super) fn new(length: usize) -> Self {
        let max = length as u64 * READS + SPARE;
        Self { left: Rc::new(Cell::new(max)), max }
    }

    fn spend(&self, bytes: usize) -> Result<(), PdfError> {
        let left = self.left.get().checked_sub(bytes as u64);
        self.left.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(PdfError::TooLarge { what: "bytes of streams that lie in each other", max: self.max })
    }
}

/// Compressed bytes that are counted as they are read; at the end of the budget they end.
struct Counted<'a> {
    rest: &'a [u8],
    left: Rc<Cell<u64>>,
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let left = usize::try_from(self.left.get()).unwrap_or(usize::MAX);
        Ok(self.rest.get(..left).unwrap_or(self.rest))
    }

    fn consume(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
        self.left.set(self.left.get().saturating_sub(bytes as u64));
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

/// Counts inflated bytes against the limit.
struct Budget<'a> {
    limits: &'a PdfLimits,
    reads: &'a ReadBudget,
    left: u64,
}

impl<'a> Budget<'a> {
    fn new(limits: &'a PdfLimits, reads: &'a ReadBudget) -> Self {
        Self { limits, reads, left: limits.max_inflated_bytes }
    }

    /// Inflates a zlib stream; `None` if it is damaged (its Adler-32 is verified by the decoder).
    fn inflate(&mut self, data: &[u8]) -> Result<Option<Vec<u8>>, PdfError> {
        let mut inflated = Vec::new();
        let whole = ZlibDecoder::new(data).take(self.left + 1).read_to_end(&mut inflated).is_ok();
        self.left = self.spend(inflated.len() as u64)?;
        Ok(whole.then_some(inflated))
    }

    /// Inflates what looks like a zlib stream and throws the result away, streams compressed repeatedly included.
    fn measure(&mut self, data: &[u8]) -> Result<(), PdfError> {
        let mut depth = 0;
        let layers = |depth| layers(Counted { rest: data, left: self.reads.left.clone() }, depth);
        let mut layer = layers(0);
        while depth < MAX_LAYERS && is_zlib(&start(&mut layer)) {
            depth += 1;
            // Each layer is inflated anew out of the ones around it, so that none is ever held in memory.
            let mut whole = layers(depth).take(self.left + 1);
            // A damaged stream is no concern here: what it gave is counted.
            let mut inflated = 0;
            let mut buffer = [0; 16 << 10];
            while let Ok(read @ 1..) = whole.read(&mut buffer) {
                inflated += read as u64;
            }
            self.left = self.spend(inflated)?;
            self.reads.spend(1)?;
            layer = layers(depth);
        }
        Ok(())
    }

    fn spend(&self, bytes: u64) -> Result<u64, PdfError> {
        self.left.checked_sub(bytes).ok_or_else(|| PdfError::too_many_bytes(self.limits))
    }
}

/// What comes out of so many compressions.
fn layers(data: Counted<'_>, depth: usize) -> Box<dyn BufRead + '_> {
    (0..depth).fold(Box::new(data), |inner, _| Box::new(BufReader::new(bufread::ZlibDecoder::new(inner))))
}

/// The first two bytes, or fewer.
fn start(layer: &mut dyn BufRead) -> Vec<u8> {
    let mut start = Vec::new();
    let _ = layer.take(2).read_to_end(&mut start);
    start
}

fn is_zlib(data: &[u8]) -> bool {
    matches!(data, [cmf, flags, ..] if cmf & 0x0f == 8 && (u16::from(*cmf) << 8 | u16::from(*flags)) % 31 == 0)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn ascii_hex(data: &[u8]) -> Option<Vec<u8>> {
    let digits =
        data.iter().take_while(|byte| **byte != b'>').filter(|byte| !byte.is_ascii_whitespace() && **byte != 0);
    let digits = digits.map(|byte| char::from(*byte).to_digit(16)).collect::<Option<Vec<u32>>>()?;
    digits.chunks(2).map(|pair| u8::try_from(pair.first()? * 16 + pair.get(1).unwrap_or(&0)).ok()).collect()
}

fn ascii85(data: &[u8]) -> Option<Vec<u8>> {
    let data = data.trim_ascii_start();
    let data = data.strip_prefix(b"<~").unwrap_or(data);
    let mut decoded = Vec::with_capacity(data.len() / 5 * 4);
    let mut group = Vec::with_capacity(5);
    let mut flush = |group: &mut Vec<u8>| -> Option<()> {
        let kept = group.len().checked_sub(1)?;
        group.resize(5, 84);
        let value = group.iter().fold(0_u64, |value, digit| value * 85 + u64::from(*digit));
        decoded.extend_from_slice(u32::try_from(value).ok()?.to_be_bytes().get(..kept)?);
        group.clear();
        Some(())
    };
    for byte in data {
        match byte {
            b'~' => break,
            b'z' if group.is_empty() => {
                group.extend([0; 5]);
                flush(&mut group)?;
            }
            b'!'..=b'u' => {
                group.push(byte - b'!');
                if group.len() == 5 {
                    flush(&mut group)?;
                }
            }
            0 => {}
            _ if byte.is_ascii_whitespace() => {}
            _ => return None,
        }
    }
    if !group.is_empty() {
        flush(&mut group)?;
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_codings_are_undone_strictly() {
        assert_eq!(ascii85(b"<~87cURD]i,\"Ebo80~>").as_deref(), Some(&b"Hello World!"[..]));
        assert_eq!(ascii85(b"z~>").as_deref(), Some(&[0; 4][..]));
        assert_eq!(ascii85(b"87c\xffRD~>"), None);
        assert_eq!(ascii_hex(b"48 65 6C6c 7>").as_deref(), Some(&b"Hellp"[..]));
        assert_eq!(ascii_hex(b"4x>"), None);
    }

    #[test]
    fn a_wrong_checksum_and_a_missing_end_are_noticed() {
        // "abc", stored, with its Adler-32.
        let whole = [0x78, 0x01, 0x01, 3, 0, 0xfc, 0xff, b'a', b'b', b'c', 0x02, 0x4d, 0x01, 0x27];
        let limits = PdfLimits::default();
        let reads = ReadBudget::new(0);
        let inflate = |data: &[u8]| Budget::new(&limits, &reads).inflate(data).unwrap();
        assert_eq!(inflate(&whole).as_deref(), Some(&b"abc"[..]));
        let mut wrong = whole;
        wrong[8] = b'x';
        assert_eq!(inflate(&wrong), None);
        assert_eq!(inflate(&whole[..12]), None);
    }

    #[test]
    fn inflating_stops_at_the_limit() {
        let whole = [0x78, 0x01, 0x01, 3, 0, 0xfc, 0xff, b'a', b'b', b'c', 0x02, 0x4d, 0x01, 0x27];
        let limits = PdfLimits { max_inflated_bytes: 2, ..PdfLimits::default() };
        assert_eq!(Budget::new(&limits, &ReadBudget::new(0)).inflate(&whole), Err(PdfError::too_many_bytes(&limits)));
    }

    #[test]
    fn streams_that_begin_inside_of_each_other_are_charged_for_what_is_read() {
        // Each begins a stream whose blocks are empty up to the file's end: nothing comes out of them.
        let begins = [b"stream\n".as_slice(), &[0x78, 0x01], &[0, 0, 0, 0xff, 0xff].repeat(40)].concat();
        let file = [b"%PDF-1.4\n".as_slice(), &begins.repeat(20_000), b"%%EOF"].concat();
        let read_all = |file: &[u8]| super::file(file, &ReadBudget::new(file.len()), &PdfLimits::default());
        assert_eq!(read_all(&file), Ok(()), "a block that is none ends what is read");
        let blocks = [0, 0, 0, 0xff, 0xff].repeat(100_000);
        let keyword = [b"stream\n".as_slice(), &[0x78, 0x01]].concat();
        // The keyword is stored in a block of its own, so that the stream before goes on.
        let stored = [&[0, keyword.len() as u8, 0, !(keyword.len() as u8), 0xff][..], &keyword].concat();
        let file = [b"%PDF-1.4\n".as_slice(), &keyword, &stored.repeat(5_000), &blocks, b"%%EOF"].concat();
        assert_eq!(read_all(&file).unwrap_err().code(), "LIMIT_EXCEEDED");
    }
}
