//! `GET /usage/export`: every matching event in the order of receipt.
//!
//! Where answers may be streamed, the whole is one answer, made while it is
//! sent. Elsewhere, and for whoever asks with `limit`, it comes in parts, each
//! with the link to the next.

mod form;

use crate::answer::{PART_BYTES_MAX, failed, tenant, weight};
use form::Form;
use futures::stream::{self, StreamExt, TryStreamExt};
use std::sync::Arc;
use tollgate_api::Params;
use tollgate_core::Name;
use tollgate_gateway::{App, Call, Handled, Reply};
use tollgate_service::{Export, Failure, Step};

/// The most events of a part.
const LIMIT_MAX: usize = 100_000;
/// A part ends, perhaps empty, when it has read this many slices of pages: what
/// fits in the time that Lambda is given.
const PART_SLICES_MAX: usize = 200;
/// A streamed answer is sent in pieces of about this size.
const PIECE_BYTES: usize = 32 * 1024;

/// The events that pass the filters, as text.
struct Events {
    app: Arc<App>,
    export: Export,
    tenant: Name,
    form: Form,
    count: u64,
}

/// What the next step comes to.
enum Next {
    Event(String),
    Slice,
    End,
}

/// A part of an export, but for its tail.
struct Part {
    text: String,
    count: u64,
    /// Where the next part begins.
    next: Option<String>,
}

/// All matching events: as one stream, or part by part.
pub(crate) async fn get_usage_export(app: Arc<App>, call: Call) -> Handled {
    let allowed = [
        Params::FILTERS,
        Params::RANGE,
        Params::PAGING,
        &["tenant_id", "id", "unpriced", "format"],
    ];
    let params = Params::parse_any(call.query.as_deref(), &allowed)?;
    let tenant = tenant(&call, &params)?;
    let (range, filter) = (params.range()?, params.filters()?);
    let form = params.one_of("format", &Form::NAMES)?.unwrap_or(Form::Json);
    let limit = params
        .text("limit")
        .map(|_| params.limit(LIMIT_MAX, LIMIT_MAX))
        .transpose()?;
    let question = format!("GET /usage/export {tenant} {}", params.canonical());
    let place = params
        .text("cursor")
        .map(|cursor| app.service.position(&question, cursor))
        .transpose()
        .map_err(failed)?;
    let export = app
        .service
        .export(&tenant, range, filter, place.as_deref())
        .await
        .map_err(failed)?;
    let head = form.head(place.is_none());
    let events = Events {
        app: Arc::clone(&app),
        export,
        tenant,
        form,
        count: 0,
    };
    let reply = match limit {
        None if app.may_stream() => events.whole(head).await.map_err(failed)?,
        limit => {
            let part = events
                .part(head, limit.unwrap_or(LIMIT_MAX))
                .await
                .map_err(failed)?;
            let cursor = part
                .next
                .as_ref()
                .map(|place| app.service.cursor(&question, place));
            part.reply(form, &params, cursor.as_deref())
        }
    };
    Ok(reply.with_header(
        "Content-Disposition",
        format!("attachment; filename=\"{}\"", form.file_name()),
    ))
}

impl Part {
    fn reply(mut self, form: Form, params: &Params, cursor: Option<&str>) -> Reply {
        self.text.push_str(&form.tail(self.count, cursor));
        let reply = Reply::of(form.media_type(), self.text);
        match cursor {
            Some(cursor) => reply.with_header(
                "Link",
                format!("</usage/export?{}>; rel=\"next\"", params.next(cursor)),
            ),
            None => reply,
        }
    }
}

impl Events {
    async fn next(&mut self) -> Result<Next, Failure> {
        Ok(match self.app.service.step(&mut self.export).await? {
            Step::Event(entry) => Next::Event(self.form.event(&entry, &self.tenant)),
            Step::Slice => Next::Slice,
            Step::End => Next::End,
        })
    }

    fn add(&mut self, text: &mut String, event: &str) {
        if self.count > 0 {
            text.push_str(self.form.between());
        }
        text.push_str(event);
        self.count = self.count.saturating_add(1);
    }

    /// At most `limit` events behind `text`. One more is looked for, so that no
    /// part is empty but an only one, or one that read all it may.
    async fn part(mut self, mut text: String, limit: usize) -> Result<Part, Failure> {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let (mut weighs, mut slices) = (0_usize, 0_usize);
        while slices <= PART_SLICES_MAX {
            match self.next().await? {
                Next::Event(event) => {
                    weighs = weighs.saturating_add(weight(&event));
                    if self.count >= limit || (self.count > 0 && weighs > PART_BYTES_MAX) {
                        break;
                    }
                    self.add(&mut text, &event);
                }
                Next::Slice => slices = slices.saturating_add(1),
                Next::End => {
                    return Ok(Part {
                        text,
                        count: self.count,
                        next: None,
                    });
                }
            }
        }
        Ok(Part {
            text,
            count: self.count,
            next: Some(self.export.place()),
        })
    }

    /// One answer, made while it is sent. A store that fails at once is a
    /// problem; what fails later breaks the answer off.
    async fn whole(mut self, mut head: String) -> Result<Reply, Failure> {
        let media_type = self.form.media_type();
        let more = self.piece(&mut head).await?;
        let rest = stream::try_unfold(more.then_some(self), async |events| {
            let Some(mut events) = events else {
                return Ok(None);
            };
            let mut text = String::new();
            let more = events.piece(&mut text).await?;
            Ok(Some((text, more.then_some(events))))
        });
        let pieces = stream::iter([Ok(head)]).chain(rest);
        Ok(Reply::stream(
            media_type,
            pieces.try_filter(|text| std::future::ready(!text.is_empty())),
        ))
    }

    /// Events behind `text` until it is a piece or another slice was read, and
    /// the tail at the end. Whether there may be more.
    async fn piece(&mut self, text: &mut String) -> Result<bool, Failure> {
        while text.len() < PIECE_BYTES {
            match self.next().await? {
                Next::Event(event) => self.add(text, &event),
                Next::Slice => return Ok(true),
                Next::End => {
                    text.push_str(&self.form.tail(self.count, None));
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
