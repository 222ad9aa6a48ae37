//! Subscribers.

use std::fmt;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::task::{Context as Waker, Poll};
use std::time::Duration;

use futures_core::Stream;
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use redis::aio::{PubSub, PubSubSink, PubSubStream};
use redis::{FromRedisValue, Msg, RedisResult, ToRedisArgs};
use throughline_core::db_semconv::DatabaseSettings;
use throughline_core::{Details, Operation, Outcome, Parent, RecordingSpan, SpanRequest};

use crate::errors::{Answer, finish};
use crate::{Tracing, query};

/// A connection for subscriptions: `SUBSCRIBE` and the like have a span and a measurement each, as commands do, and messages
/// come as [`Received`], which opens a span where one is processed.
///
/// ```no_run
/// # async fn listen() -> redis::RedisResult<()> {
/// use futures_util::StreamExt;
/// use throughline_redis::TracedPubSub;
/// use throughline_redis::redis::Client;
///
/// let client = Client::open("redis://cache.internal")?;
/// let mut orders = TracedPubSub::new(client.get_async_pubsub().await?, &client);
/// orders.subscribe("orders").await?;
/// while let Some(message) = orders.on_message().next().await {
///     message.process(async { println!("{:?}", message.get_payload_bytes()) }).await;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TracedPubSub {
    sink: TracedPubSubSink,
    messages: TracedMessages,
}

impl TracedPubSub {
    /// Traces what goes through `pubsub`, as [`Traced::new`](crate::Traced::new) does.
    #[must_use]
    pub fn new(pubsub: PubSub, tracing: impl Into<Tracing>) -> Self {
        let tracing = tracing.into();
        let (sink, messages) = pubsub.split();
        Self {
            sink: TracedPubSubSink {
                sink,
                tracing: tracing.clone(),
            },
            messages: TracedMessages { messages, tracing },
        }
    }

    /// The messages, as `PubSub::on_message`.
    pub fn on_message(&mut self) -> &mut TracedMessages {
        &mut self.messages
    }

    /// The messages, as `PubSub::into_on_message`.
    #[must_use]
    pub fn into_on_message(self) -> TracedMessages {
        self.messages
    }

    /// Both ends, as `PubSub::split`.
    #[must_use]
    pub fn split(self) -> (TracedPubSubSink, TracedMessages) {
        (self.sink, self.messages)
    }
}

/// The end of a [`TracedPubSub`] that subscribes.
#[derive(Clone)]
pub struct TracedPubSubSink {
    sink: PubSubSink,
    tracing: Tracing,
}

/// The methods of the one for the other, too.
macro_rules! subscriptions {
    ($($name:ident, $command:literal;)*) => {
        impl TracedPubSub {
            $(
                #[doc = concat!("As `PubSub::", stringify!($name), "`.")]
                ///
                /// # Errors
                ///
                #[doc = concat!("Those of `PubSub::", stringify!($name), "`.")]
                pub async fn $name(&mut self, channels: impl ToRedisArgs) -> RedisResult<()> {
                    self.sink.$name(channels).await
                }
            )*

            /// As `PubSub::ping`. It leaves no span.
            ///
            /// # Errors
            ///
            /// Those of `PubSub::ping`.
            pub async fn ping<T: FromRedisValue>(&mut self) -> RedisResult<T> {
                self.sink.ping().await
            }
        }

        impl TracedPubSubSink {
            $(
                #[doc = concat!("As `PubSubSink::", stringify!($name), "`.")]
                ///
                /// # Errors
                ///
                #[doc = concat!("Those of `PubSubSink::", stringify!($name), "`.")]
                pub async fn $name(&mut self, channels: impl ToRedisArgs) -> RedisResult<()> {
                    let channels = channels.to_redis_args();
                    let Self { sink, tracing } = self;
                    asked(tracing, $command, &channels, sink.$name(&channels)).await
                }
            )*

            /// As `PubSubSink::ping`. It leaves no span.
            ///
            /// # Errors
            ///
            /// Those of `PubSubSink::ping`.
            pub async fn ping<T: FromRedisValue>(&mut self) -> RedisResult<T> {
                self.sink.ping().await
            }
        }
    };
}

subscriptions! {
    subscribe, "SUBSCRIBE";
    unsubscribe, "UNSUBSCRIBE";
    psubscribe, "PSUBSCRIBE";
    punsubscribe, "PUNSUBSCRIBE";
}

/// Awaits the answer to a command, as its operation.
async fn asked(
    tracing: &Tracing,
    command: &'static str,
    channels: &[Vec<u8>],
    answer: impl Future<Output = RedisResult<()>>,
) -> RedisResult<()> {
    let query = |settings: &DatabaseSettings| {
        let arguments = channels.iter().map(Vec::as_slice);
        query::of_command(
            settings.query_text,
            [command.as_bytes()].into_iter().chain(arguments),
        )
    };
    let mut operation = tracing.start(Context::current(), &query);
    let result = operation.within(answer).await;
    finish(&mut operation, &result);
    result
}

/// A confirmation, in which there is no error.
impl Answer for () {
    fn error(&self) -> Option<&redis::ServerError> {
        None
    }
}

impl fmt::Debug for TracedPubSubSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedPubSubSink")
            .field("endpoint", self.tracing.endpoint())
            .finish_non_exhaustive()
    }
}

/// The end of a [`TracedPubSub`] that receives: a stream of messages.
pub struct TracedMessages {
    messages: PubSubStream,
    tracing: Tracing,
}

impl Stream for TracedMessages {
    type Item = Received;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Waker<'_>) -> Poll<Option<Received>> {
        let this = self.get_mut();
        let message = pin!(&mut this.messages).poll_next(cx);
        message.map(|message| {
            Some(Received {
                message: message?,
                tracing: this.tracing.clone(),
            })
        })
    }
}

impl fmt::Debug for TracedMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedMessages")
            .field("endpoint", self.tracing.endpoint())
            .finish_non_exhaustive()
    }
}

/// A message that came, which knows where from.
#[derive(Clone)]
pub struct Received {
    message: Msg,
    tracing: Tracing,
}

impl Received {
    /// Awaits `work` in a CONSUMER span of its own: `process`, with the channel, or with the pattern that was subscribed to.
    ///
    /// Redis takes no headers along: the span is not the publisher's child. It is one of the span that is current, which a loop
    /// around the stream has not; dropped before its end, it is an error.
    pub async fn process<F: Future>(&self, work: F) -> F::Output {
        let mut operation = self.start();
        let output = operation.within(work).await;
        operation.finish(Outcome::Finished);
        output
    }

    fn start(&self) -> Operation<Processing> {
        let resolved = self.tracing.instrumentation().resolve();
        let parent = Parent::Local(Context::current());
        let pattern: Option<String> = self
            .message
            .get_pattern()
            .ok()
            .filter(|_| self.message.from_pattern());
        let channel = self.message.get_channel_name();
        let request = SpanRequest {
            kind: SpanKind::Consumer,
            name: format!("process {}", pattern.as_deref().unwrap_or(channel)).into(),
            parent,
        };
        let attributes = || {
            let mut attributes = vec![
                KeyValue::new("messaging.system", "redis"),
                KeyValue::new("messaging.operation.name", "process"),
                KeyValue::new("messaging.operation.type", "process"),
                KeyValue::new("messaging.destination.name", channel.to_owned()),
            ];
            attributes
                .extend(pattern.map(|it| KeyValue::new("messaging.destination.template", it)));
            self.tracing
                .endpoint()
                .push_server_attributes(&mut attributes);
            attributes
        };
        resolved.start(request, attributes, Processing)
    }
}

impl Deref for Received {
    type Target = Msg;

    fn deref(&self) -> &Msg {
        &self.message
    }
}

/// Without the payload.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("channel", &self.message.get_channel_name())
            .finish_non_exhaustive()
    }
}

/// What is known of a message's processing when it ends.
struct Processing;

impl Details for Processing {
    fn finish(self, outcome: Outcome, _: Duration, span: Option<RecordingSpan<'_>>) {
        let (error_type, description) = match outcome {
            Outcome::Error(error_type) => (error_type, ""),
            Outcome::Cancelled => ("cancelled", "dropped before its end"),
            Outcome::Panicked => ("panic", "panicked"),
            _ => return,
        };
        if let Some(span) = span {
            span.set_attributes([KeyValue::new("error.type", error_type)]);
            span.set_error(description);
        }
    }
}
