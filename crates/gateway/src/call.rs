//! A request that passed the gates, as handlers see it.

use crate::caller::Caller;
use crate::refusal::from_failure;
use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tollgate_api::{Params, Problem, merge_patch};
use tollgate_core::{Instant, Name};
use tollgate_service::{Actor, Precondition, Question};

/// One request.
#[derive(Debug)]
pub struct Call {
    /// Its id.
    pub request_id: String,
    /// When it arrived.
    pub now: Instant,
    /// Who calls; `None` on open routes.
    pub caller: Option<Caller>,
    /// The parts of the path that the route names.
    pub path: BTreeMap<String, String>,
    /// The query, as it was sent.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most 1 MiB.
    pub body: Vec<u8>,
}

impl Call {
    /// The verified caller.
    ///
    /// # Errors
    /// 401 on an open route.
    pub fn caller(&self) -> Result<&Caller, Problem> {
        self.caller.as_ref().ok_or_else(Problem::unauthenticated)
    }

    /// The query's parameters, of which only `allowed` may occur.
    ///
    /// # Errors
    /// 400 that names an unknown parameter.
    pub fn params(&self, allowed: &[&'static str]) -> Result<Params, Problem> {
        Params::parse(self.query.as_deref(), allowed)
    }

    /// The path's part `name`, as it was sent.
    #[must_use]
    pub fn path_text(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// The path's part `name` as an id.
    ///
    /// # Errors
    /// 404 of a `what` for a text that cannot be an id.
    pub fn path_name(&self, name: &str, what: &str) -> Result<Name, Problem> {
        Name::new(self.path_text(name)).map_err(|_| Problem::not_found(what))
    }

    /// The path's part `event_id`, which may be that of an event of a sealed batch.
    ///
    /// # Errors
    /// 404 for a text that cannot be an id.
    pub fn path_event(&self) -> Result<Name, Problem> {
        let id = self.path_text("event_id");
        Name::known(id).map_err(|_| Problem::not_found("event"))
    }

    /// The tenant in the path as one to read.
    ///
    /// # Errors
    /// 404 for another tenant than the key's.
    pub fn path_tenant(&self) -> Result<Name, Problem> {
        let text = self.path_text("tenant_id");
        let named = Name::in_path(text)
            .ok()
            .filter(|_| !tollgate_api::is_reserved_tenant(text));
        let named = named.ok_or_else(|| Problem::not_found("tenant"))?;
        self.caller()?.tenant_to_read(Some(&named))
    }

    /// The tenant in the path as one to change, by an operator.
    ///
    /// # Errors
    /// 400 for a text that cannot be a tenant's id.
    pub fn path_tenant_to_write(&self) -> Result<Name, Problem> {
        let text = self.path_text("tenant_id");
        let named = Name::in_path(text)
            .ok()
            .filter(|_| !tollgate_api::is_reserved_tenant(text));
        let named =
            named.ok_or_else(|| Problem::invalid_request("tenant_id", "is not a tenant id"))?;
        self.caller()?.tenant_to_write(Some(&named))
    }

    /// The media type of the body, without parameters, in lower case.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }

    /// The `Idempotency-Key`, if there is one.
    ///
    /// # Errors
    /// 400 unless it has 1 to 255 visible characters and occurs once.
    pub fn idempotency_key(&self) -> Result<Option<&str>, Problem> {
        let mut values = self.headers.get_all("idempotency-key").iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let text = value
            .to_str()
            .ok()
            .filter(|text| !text.is_empty() && text.len() <= 255 && values.next().is_none());
        text.map(Some).ok_or_else(|| {
            Problem::invalid_request(
                "Idempotency-Key",
                "must have 1 to 255 visible characters, once",
            )
        })
    }

    /// Which request it is, if it names an idempotency key: of the tenant that it
    /// is for, and of the route `path`.
    ///
    /// # Errors
    /// As [`Call::idempotency_key`].
    pub fn question(&self, path: &str) -> Result<Option<Question>, Problem> {
        let Some(key) = self.idempotency_key()? else {
            return Ok(None);
        };
        let own = self.caller()?.tenant.as_ref().map(ToString::to_string);
        // The operator's keys are those of the tenant that it names.
        let tenant = own.or_else(|| self.named_tenant()).unwrap_or_default();
        let query = self.query.as_deref().unwrap_or_default().as_bytes();
        let content = [query, &[0], &self.body].concat();
        Ok(Some(Question::new(&tenant, path, key, &content)))
    }

    fn named_tenant(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        Some(body.get("tenant_id")?.as_str()?.to_owned())
    }

    /// The event id that an idempotency key stands for.
    ///
    /// # Errors
    /// As [`Call::idempotency_key`].
    pub fn id_from_key(&self, tenant: &Name, route: &str) -> Result<Option<Name>, Problem> {
        let Some(key) = self.idempotency_key()? else {
            return Ok(None);
        };
        let digest = Sha256::digest(format!("{tenant}\0{route}\0{key}"));
        let hex: String = digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Name::new(&format!("ik-{hex}")).ok())
    }

    /// Who changes something by this call, and under which condition.
    ///
    /// # Errors
    /// 400 for a value that is no list of entity tags.
    pub fn conditional_actor(&self) -> Result<Actor, Problem> {
        Ok(Actor {
            precondition: self.precondition()?,
            ..self.caller()?.actor()
        })
    }

    /// How often a change by PATCH begins anew where another was first.
    pub const PATCHES_MAX: u32 = 100;

    /// What its merge patch makes of `current`, which is of the version `version`, and
    /// who puts that in its place and in no other's.
    ///
    /// # Errors
    /// 400 for what is no merge patch, 412 where the call's condition does not hold.
    pub fn patched(
        &self,
        current: &impl Serialize,
        version: u64,
    ) -> Result<(Vec<u8>, Actor), Problem> {
        let actor = self.conditional_actor()?.at(version);
        let actor = actor.map_err(|failure| from_failure(&failure))?;
        Ok((merge_patch(current, &self.body)?, actor))
    }

    /// What `If-Match` and `If-None-Match` ask of the version in force. An entity tag
    /// that is no version of ours, or a weak one, never matches.
    ///
    /// # Errors
    /// 400 for a value that is no list of entity tags.
    fn precondition(&self) -> Result<Precondition, Problem> {
        let [one_of, none_of] = ["if-match", "if-none-match"].map(|name| self.tags(name));
        let (one_of, none_of) = (one_of?, none_of?);
        Ok(Precondition {
            present: one_of == Some(Tags::Any),
            one_of: one_of.and_then(|tags| match tags {
                Tags::Any => None,
                Tags::Versions(versions) => Some(versions),
            }),
            absent: none_of == Some(Tags::Any),
            none_of: none_of.map_or_else(Vec::new, |tags| match tags {
                Tags::Any => Vec::new(),
                Tags::Versions(versions) => versions,
            }),
        })
    }

    fn tags(&self, name: &'static str) -> Result<Option<Tags>, Problem> {
        let mut values = self.headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            return Ok(None);
        }
        let shown = match name {
            "if-match" => "If-Match",
            _ => "If-None-Match",
        };
        let wrong = || Problem::invalid_request(shown, "must be `*` or entity tags such as \"3\"");
        let mut versions = Vec::new();
        for value in values {
            let text = value.to_str().map_err(|_| wrong())?;
            for tag in text.split(',').map(str::trim) {
                match tag {
                    "*" => return Ok(Some(Tags::Any)),
                    tag => versions.extend(version_of(tag).ok_or_else(wrong)?),
                }
            }
        }
        Ok(Some(Tags::Versions(versions)))
    }
}

/// What a precondition names.
#[derive(PartialEq, Eq)]
enum Tags {
    Any,
    Versions(Vec<u64>),
}

/// The version that an entity tag names, with or without its quotes; `Some(None)` for a
/// tag that names none, `None` for what is no tag.
fn version_of(tag: &str) -> Option<Option<u64>> {
    if let Ok(version) = tag.parse() {
        return Some(Some(version));
    }
    let (is_weak, quoted) = tag
        .strip_prefix("W/")
        .map_or((false, tag), |quoted| (true, quoted));
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let is_tag = !inner.contains('"');
    is_tag.then(|| inner.parse().ok().filter(|_| !is_weak))
}
