use std::convert::Infallible;

use bytes::{Bytes, BytesMut};
use futures::executor::block_on;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use proptest::prelude::*;
use tonic::body::Body;
use tonic::{Code, Status};

use super::{Encoding, HEAD, MAX_REQUEST_BYTES, Packed, Unpacked, WORTH_IT, framed, head};

const ENCODINGS: [Encoding; 2] = [Encoding::Gzip, Encoding::Zstd];

/// What comes of these bytes, as they come in pieces of that size.
fn unpacked(bytes: &[u8], piece: usize, encoding: Encoding, is_stream: bool) -> Result<Bytes, Status> {
    let pieces: Vec<_> = bytes.chunks(piece).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let body = StreamBody::new(stream::iter(pieces));
    block_on(Unpacked::new(body, encoding, is_stream, None).collect()).map(|all| all.to_bytes())
}

fn packed(bytes: &[u8], encoding: Encoding) -> Bytes {
    let body = StreamBody::new(stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(bytes)))]));
    block_on(Packed::new(Body::new(body), encoding).collect()).unwrap().to_bytes()
}

/// Some messages, one after the other; which of them compress well, and which are packed.
fn messages() -> impl Strategy<Value = Vec<(Vec<u8>, bool)>> {
    let message = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0..2 * WORTH_IT).prop_map(|(byte, length)| vec![byte; length]),
    ];
    prop::collection::vec((message, any::<bool>()), 0..6)
}

proptest! {
    #[test]
    fn requests_are_what_they_were_before_they_were_packed(messages in messages(), piece in 1..5000_usize, which in 0..2_usize) {
        let (mut sent, mut expected) = (BytesMut::new(), BytesMut::new());
        for (message, is_packed) in &messages {
            framed(0, message, &mut expected);
            match ENCODINGS[which].pack(message).filter(|_| *is_packed) {
                Some(smaller) => framed(1, &smaller, &mut sent),
                None => framed(0, message, &mut sent),
            }
        }
        prop_assert_eq!(unpacked(&sent, piece, ENCODINGS[which], true).unwrap(), expected);
    }

    #[test]
    fn answers_are_the_same_again_once_they_are_unpacked(messages in messages(), which in 0..2_usize) {
        let mut answer = BytesMut::new();
        for (message, _) in &messages {
            framed(0, message, &mut answer);
        }
        let sent = packed(&answer, ENCODINGS[which]);
        prop_assert!(sent.len() <= answer.len());
        prop_assert_eq!(unpacked(&sent, 4096, ENCODINGS[which], true).unwrap(), answer);
    }

    #[test]
    fn whatever_comes_is_unpacked_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), piece in 1..50_usize) {
        for encoding in ENCODINGS {
            let _ = unpacked(&bytes, piece, encoding, true);
            let mut sent = BytesMut::new();
            framed(1, &bytes, &mut sent);
            if let Err(status) = unpacked(&sent, piece, encoding, false) {
                prop_assert!(matches!(status.code(), Code::Internal | Code::OutOfRange), "{:?}", status);
            }
        }
    }
}

#[test]
fn only_what_is_large_is_packed() {
    for encoding in ENCODINGS {
        for (length, flag) in [(WORTH_IT - 1, 0), (WORTH_IT, 1)] {
            let mut answer = BytesMut::new();
            framed(0, &vec![b'x'; length], &mut answer);
            assert_eq!(head(&packed(&answer, encoding)).unwrap().0, flag, "{length}");
        }
    }
}

#[test]
fn a_message_may_become_as_large_as_any_and_a_call_with_one_message_has_one() {
    for encoding in ENCODINGS {
        let sent = |length| {
            let mut sent = BytesMut::new();
            framed(1, &encoding.pack(&vec![0; length]).unwrap(), &mut sent);
            sent
        };
        assert_eq!(
            unpacked(&sent(MAX_REQUEST_BYTES), 1 << 16, encoding, false).unwrap().len(),
            HEAD + MAX_REQUEST_BYTES
        );
        let refused = unpacked(&sent(MAX_REQUEST_BYTES + 1), 1 << 16, encoding, false).unwrap_err();
        assert_eq!(refused.code(), Code::OutOfRange);
        let two = [sent(100), sent(100)].concat();
        assert_eq!(unpacked(&two, 7, encoding, false).unwrap_err().code(), Code::Internal);
        assert_eq!(unpacked(&two, 7, encoding, true).unwrap().len(), 2 * (HEAD + 100));
    }
}
