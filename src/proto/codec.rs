//! Messages on their way in: what is small on the wire may be large once it is read. Two bytes are an empty message in a list,
//! which takes a hundred or more in memory: 4 MiB of them would be half a GiB. So a message may have only so many fields.

use std::any::type_name;
use std::marker::PhantomData;

use bytes::Buf as _;
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

/// Four times as many texts, lists and messages as the largest request of the contract has, and more than there are in texts
/// that only look like some.
const MOST_FIELDS: usize = 100_000;
/// So deep are the contract's messages in one another.
const DEPTH: usize = 4;

/// prost's codec with that limit.
pub struct BoundedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        // Answers are our own; the bytes of a file may look like any number of fields, and are one.
        let name = type_name::<U>();
        let is_bounded = name.ends_with("Request") && !name.ends_with("UploadImportRequest");
        BoundedDecoder { decoder: ProstCodec::<T, U>::default().decoder(), is_bounded }
    }
}

/// prost's decoder with that limit.
pub struct BoundedDecoder<U> {
    decoder: ProstDecoder<U>,
    is_bounded: bool,
}

impl<U: Message + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        if self.is_bounded && fields(bytes.chunk(), DEPTH) > MOST_FIELDS {
            return Err(Status::internal("more fields than any message has"));
        }
        self.decoder.decode(bytes)
    }
}

/// How many texts and messages these bytes have up to what is no field, with those of what may be messages among them; it stops
/// to count a little past [`MOST_FIELDS`].
fn fields(mut bytes: &[u8], depth: usize) -> usize {
    let mut count = 0;
    while count <= MOST_FIELDS
        && let Some(field) = next(&mut bytes)
    {
        if let Some(field) = field {
            count += 1 + if depth > 0 { fields(field, depth - 1) } else { 0 };
        }
    }
    count
}

/// Takes the next field; its bytes, where it is no number.
fn next<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let tag = varint(bytes)?;
    let length = match tag & 7 {
        0 => {
            varint(bytes)?;
            0
        }
        1 => 8,
        2 => usize::try_from(varint(bytes)?).ok()?,
        // A group begins or ends.
        3 | 4 => 0,
        5 => 4,
        _ => return None,
    };
    let (field, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some((tag & 7 == 2).then_some(field))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::lekalo::v1 as pb;

    #[test]
    fn the_largest_messages_of_the_contract_are_taken() {
        let condition = pb::Selection { option: "o".repeat(64), value: "v".repeat(64) };
        let price = pb::Price {
            category: "eva_mats".into(),
            body_type: "suv".into(),
            conditions: vec![condition],
            ..pb::Price::default()
        };
        let prices =
            pb::SetPricesRequest { tenant: "evopoliki".into(), prices: vec![price; 500], ..Default::default() };
        let count = fields(&prices.encode_to_vec(), DEPTH);
        assert!((3000..MOST_FIELDS / 10).contains(&count), "{count}");
        for text in ["ж", "a", "0", " ", "\n", "\n\t", "Здравствуйте! Ваш заказ принят.\n"] {
            let text = pb::Text {
                key: "greeting".into(),
                value: text.repeat(4096 / text.chars().count()),
                ..Default::default()
            };
            let texts = pb::UpsertTextsRequest { texts: vec![text; 200], ..Default::default() };
            assert!(fields(&texts.encode_to_vec(), DEPTH) <= MOST_FIELDS);
        }
        let list = Some(pb::TextList { items: vec!["Бишкек\n(Ош, {city})".into(); 100] });
        let list = pb::Text { key: "cities".into(), list, ..Default::default() };
        let lists = pb::UpsertTextsRequest { texts: vec![list; 200], ..Default::default() };
        let count = fields(&lists.encode_to_vec(), DEPTH);
        assert!((20_000..MOST_FIELDS / 4).contains(&count), "{count}");
    }

    #[test]
    fn fields_are_counted_wherever_they_are_and_whatever_follows() {
        let many = |end: &[u8]| [&[0x12, 0].repeat(MOST_FIELDS + 1), end].concat();
        let nested = |inner: &[u8]| {
            let mut bytes = vec![0x12];
            prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
            [&bytes, inner].concat()
        };
        for end in [&[][..], &[0xff], &[0x12, 0x7f]] {
            let (flat, deep) = (many(end), nested(&nested(&many(end))));
            assert!([flat, deep].iter().all(|bytes| fields(bytes, DEPTH) > MOST_FIELDS));
        }
        assert_eq!(fields(&[0x08, 1, 0x15, 1, 2, 3, 4, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 1, b'x'], DEPTH), 1);
        assert_eq!(fields(&[], DEPTH), 0);
    }
}
