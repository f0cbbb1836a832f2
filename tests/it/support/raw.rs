//! Calls of any method, with messages as they are encoded.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Messages as they are encoded.
#[derive(Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

pub fn encoded(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

/// Calls `Service/Method` with these messages; the first answer. A watch with nothing to say is ended by a deadline.
pub async fn call(channel: &Channel, method: &str, messages: Vec<Bytes>) -> Result<Bytes, Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = Request::new(futures::stream::iter(messages));
    request.set_timeout(Duration::from_secs(60));
    let path = format!("/lekalo.v1.{method}").parse().unwrap();
    let mut answers = client.streaming(request, path, Raw).await?.into_inner();
    Ok(answers.message().await?.expect("an answer or an error"))
}
