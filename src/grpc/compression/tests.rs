use std::convert::Infallible;
use std::io::Write as _;
use std::iter;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use flate2::write::GzEncoder;
use futures::executor::block_on;
use futures::stream;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, StreamBody};
use proptest::prelude::*;
use tonic::body::Body;
use tonic::{Code, Status};

use super::{Encoding, HEAD, MAX_REQUEST_BYTES, PIECE, Packed, Unpacked, WORTH_IT, ZSTD_WINDOW, framed, head};

const ENCODINGS: [Encoding; 2] = [Encoding::Gzip, Encoding::Zstd];

/// What comes of these bytes, as they come in pieces of that size.
fn unpacked(bytes: &[u8], piece: usize, encoding: Encoding, is_stream: bool) -> Result<Bytes, Status> {
    let pieces: Vec<_> = bytes.chunks(piece).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let body = StreamBody::new(stream::iter(pieces));
    block_on(Unpacked::new(body, encoding, MAX_REQUEST_BYTES, is_stream, None).collect()).map(|all| all.to_bytes())
}

fn packed(bytes: &[u8], encoding: Encoding) -> Bytes {
    let body = StreamBody::new(stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(bytes)))]));
    block_on(Packed::new(Body::new(body), encoding).collect()).unwrap().to_bytes()
}

/// So many bytes that nothing makes fewer.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let next =
        |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    iter::successors(Some(seed), next).skip(1).map(|state| state.to_be_bytes()[0]).take(length).collect()
}

/// Some messages, one after the other; which of them compress well, and which are packed.
fn messages() -> impl Strategy<Value = Vec<(Vec<u8>, bool)>> {
    let message = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0..2 * WORTH_IT).prop_map(|(byte, length)| vec![byte; length]),
        (any::<u64>(), WORTH_IT..2 * WORTH_IT).prop_map(|(seed, length)| noise(seed, length)),
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
    fn what_breaks_off_within_a_message_is_not_taken_for_the_end(message in prop::collection::vec(any::<u8>(), 1..300), cut in 1..200_usize, which in 0..2_usize) {
        let mut sent = BytesMut::new();
        framed(1, &ENCODINGS[which].pack(&[&message[..], &[0; 400]].concat()).unwrap(), &mut sent);
        let begun = &sent[..cut.min(sent.len() - 1)];
        prop_assert_eq!(unpacked(begun, 50, ENCODINGS[which], true).unwrap(), begun);
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

#[test]
fn a_message_may_be_packed_in_several_parts_and_nothing_else_stands_behind_it() {
    for encoding in ENCODINGS {
        let part = |bytes: &[u8]| encoding.pack(&bytes.repeat(100)).unwrap();
        let message = |packed: &[u8]| {
            let mut sent = BytesMut::new();
            framed(1, packed, &mut sent);
            unpacked(&sent, 1000, encoding, false)
        };
        let both = message(&[part(b"one"), part(b"two")].concat()).unwrap();
        assert_eq!(both[HEAD..], *[b"one".repeat(100), b"two".repeat(100)].concat());
        for more in [&b"x"[..], b"something else", &part(b"cut")[..12]] {
            let refused = message(&[&part(b"one"), more].concat()).unwrap_err();
            assert_eq!(refused.code(), Code::Internal, "{encoding:?} {more:?}");
        }
    }
}

#[test]
fn after_each_message_that_is_unpacked_others_have_their_turn() {
    for encoding in ENCODINGS {
        let mut sent = BytesMut::new();
        for _ in 0..3 {
            framed(1, &encoding.pack(&[0; 100]).unwrap(), &mut sent);
        }
        let body = StreamBody::new(stream::iter([Ok(Frame::data(sent.freeze()))]));
        let mut body = Unpacked::new(body, encoding, MAX_REQUEST_BYTES, true, None);
        let mut context = Context::from_waker(Waker::noop());
        let comes: Vec<bool> = (0..6).map(|_| Pin::new(&mut body).poll_frame(&mut context).is_ready()).collect();
        assert_eq!(comes, [true, false, true, false, true, true], "{encoding:?}");
    }
}

#[test]
fn what_cannot_be_made_smaller_comes_as_long_as_it_may_be() {
    let mut seed = 1_u64;
    let noise: Vec<u8> = iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    })
    .take(MAX_REQUEST_BYTES + 1)
    .collect();
    let pack = |length: usize| {
        let mut writer = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(&noise[..length]).unwrap();
        let mut sent = BytesMut::new();
        framed(1, &writer.finish().unwrap(), &mut sent);
        sent
    };
    let longest = pack(MAX_REQUEST_BYTES);
    assert!(longest.len() > HEAD + MAX_REQUEST_BYTES);
    assert_eq!(unpacked(&longest, 1 << 16, Encoding::Gzip, false).unwrap()[HEAD..], noise[..MAX_REQUEST_BYTES]);
    let refused = unpacked(&pack(MAX_REQUEST_BYTES + 1), 1 << 16, Encoding::Gzip, false).unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    let mut longer = BytesMut::new();
    framed(1, &noise.repeat(2), &mut longer);
    assert_eq!(unpacked(&longer, 1 << 16, Encoding::Gzip, false).unwrap_err().code(), Code::OutOfRange);
}

/// Blocks that hold nothing cost as much as others.
#[test]
fn others_have_their_turn_while_a_message_is_unpacked_be_it_of_nothing() {
    let mut nothing = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    nothing.extend([0, 0, 0, 255, 255].repeat(100_000));
    nothing.extend([1, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]);
    let mut sent = BytesMut::new();
    framed(1, &nothing, &mut sent);
    let body = StreamBody::new(stream::iter([Ok(Frame::data(sent.freeze()))]));
    let mut body = Unpacked::new(body, Encoding::Gzip, MAX_REQUEST_BYTES, false, None);
    let mut context = Context::from_waker(Waker::noop());
    let mut turns = 1;
    let message = loop {
        match Pin::new(&mut body).poll_frame(&mut context) {
            Poll::Ready(frame) => break frame.unwrap().unwrap().into_data().unwrap(),
            Poll::Pending => turns += 1,
        }
    };
    assert_eq!(message, vec![0; HEAD]);
    assert_eq!(turns, nothing.len().div_ceil(PIECE));
}

#[test]
fn a_message_that_looks_back_further_than_everybody_must_is_refused() {
    let sent = |window: u32| {
        let mut writer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        writer.window_log(window).unwrap();
        writer.write_all(&[0; 1000]).unwrap();
        let mut sent = BytesMut::new();
        framed(1, &writer.finish().unwrap(), &mut sent);
        unpacked(&sent, 1 << 16, Encoding::Zstd, false)
    };
    assert_eq!(sent(ZSTD_WINDOW).unwrap().len(), HEAD + 1000);
    assert_eq!(sent(ZSTD_WINDOW + 1).unwrap_err().code(), Code::Internal);
}
