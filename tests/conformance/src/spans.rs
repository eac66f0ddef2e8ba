//! `Spans`: what a program with a `tracing` subscriber of its own collects.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// Spans and events, as the subscriber was told of them.
#[derive(Debug, Clone, Default)]
pub struct Spans(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Span>,
    closed: usize,
}

/// A span.
#[derive(Debug, Clone, Default)]
pub struct Span {
    /// Its name.
    pub name: &'static str,
    /// The span above, by its place in the list.
    pub parent: Option<usize>,
    /// What it tells.
    pub fields: BTreeMap<&'static str, String>,
    /// Its events: each level, and what they tell, with the text as `message`.
    pub events: Vec<(Level, BTreeMap<&'static str, String>)>,
    /// The how manieth it was to close; nothing while it is open.
    pub closed: Option<usize>,
}

impl Span {
    /// What it tells by this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

impl Spans {
    /// Collects what is told amid `work`, or by what that prepared.
    pub fn collect<T>(&self, work: impl FnOnce() -> T) -> T {
        tracing::subscriber::with_default(Registry::default().with(self.clone()), work)
    }

    /// The same of what is a warning or more.
    pub fn collect_warnings<T>(&self, work: impl FnOnce() -> T) -> T {
        let warnings = Registry::default().with(LevelFilter::WARN).with(self.clone());
        tracing::subscriber::with_default(warnings, work)
    }

    /// All spans, in the order in which they were opened.
    #[must_use]
    pub fn all(&self) -> Vec<Span> {
        self.with(|kept| kept.spans.clone())
    }

    /// The number of open spans.
    #[must_use]
    pub fn open(&self) -> usize {
        self.with(|kept| kept.spans.iter().filter(|span| span.closed.is_none()).count())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A span's place in the list.
struct Place(usize);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent = span.parent();
        let parent = parent.and_then(|it| it.extensions().get::<Place>().map(|place| place.0));
        let mut told = Fields::default();
        attributes.record(&mut told);
        let new = Span { name: span.name(), parent, fields: told.0, ..Span::default() };
        let place = self.with(|kept| {
            kept.spans.push(new);
            kept.spans.len() - 1
        });
        span.extensions_mut().insert(Place(place));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut told = Fields::default();
        values.record(&mut told);
        self.at(id, &context, |span, _| span.fields.extend(told.0));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        let mut told = Fields::default();
        event.record(&mut told);
        let told = (*event.metadata().level(), told.0);
        self.at(&span.id(), &context, |span, _| span.events.push(told));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.at(&id, &context, |span, closed| {
            span.closed = Some(*closed);
            *closed += 1;
        });
    }
}

impl Spans {
    fn at<S: Subscriber + for<'a> LookupSpan<'a>>(
        &self,
        id: &Id,
        context: &Context<'_, S>,
        work: impl FnOnce(&mut Span, &mut usize),
    ) {
        let place = context.span(id).and_then(|it| it.extensions().get().map(|it: &Place| it.0));
        let Some(place) = place else { return };
        self.with(|Kept { spans, closed }| {
            if let Some(span) = spans.get_mut(place) {
                work(span, closed);
            }
        });
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), fmt::format(format_args!("{value:?}")));
    }
}
