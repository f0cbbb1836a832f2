//! Server streams: they end when the client is gone, when the server stops, and never without saying why.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codegen::BoxStream;

use super::status::{connection_aged, shutting_down};
use super::{Services, aging, call};
use crate::domain::Error;

/// Where a stream's messages go.
pub struct Sender<T>(mpsc::Sender<Result<T, Status>>);

impl<T> Sender<T> {
    /// Sends a message as soon as the one before is on its way. Where the client is gone nobody wants the rest: the work
    /// on it is dropped.
    pub async fn send(&self, message: T) {
        let _ = self.0.send(Ok(message)).await;
    }
}

/// A stream of what `work` sends until it is done, or until something ends it.
pub fn stream<T, F>(services: &Services, work: impl FnOnce(Sender<T>) -> F) -> BoxStream<T>
where
    T: Send + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(1);
    let work = AssertUnwindSafe(work(Sender(sender.clone()))).catch_unwind();
    let stopping = services.stopping.clone();
    let (access, caller) = (services.access.clone(), call::caller());
    let ended = async move {
        match caller {
            Ok(caller) => access.ended(&caller).await,
            Err(error) => error,
        }
    };
    let age = services.patience.connection_age.map(aging::of_stream);
    let aged = async move {
        match age {
            Some(age) => tokio::time::sleep(age).await,
            None => std::future::pending().await,
        }
    };
    tokio::spawn(call::in_task(async move {
        let ended = tokio::select! {
            ended = work => ended.unwrap_or_else(|_| Err(Error::internal("the work on a stream panicked").into())),
            () = stopping.cancelled() => Err(shutting_down()),
            error = ended => Err(error.into()),
            () = aged => Err(connection_aged()),
            () = sender.closed() => return,
        };
        if let Err(status) = ended {
            // If the client is gone, nobody wants to know.
            let _ = sender.send(Err(status)).await;
        }
    }));
    Box::pin(ReceiverStream::new(receiver))
}
