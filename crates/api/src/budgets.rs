//! Budgets as operators send them, and in answers.

use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::limits::{WINDOWS, tool_of};
use crate::problem::Problem;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::{Amount, Budget, LIMITS_MAX, WindowKind};

/// Reads `PUT /budgets/{tenant_id}`: the budget, or `None` where no cap is
/// given, which removes it.
///
/// # Errors
/// 422 `too_many_limits` for more caps than a tenant may have limits, else as
/// [`crate::parse_event`].
pub fn parse_budget(body: &[u8]) -> Result<Option<Budget>, Problem> {
    let budget = Node::root(body).and_then(|node| node.object(budget));
    let budget = budget.map_err(Errors::into_problem)?;
    let caps = budget.limits().len();
    if caps > LIMITS_MAX {
        return Err(Problem::too_many_limits());
    }
    Ok(Some(budget).filter(|_| caps > 0))
}

fn budget(object: &mut Object<'_>) -> Option<Budget> {
    let currency = object.need("currency", scalar::currency);
    let window = object
        .read("window", scalar::one_of(WINDOWS))
        .unwrap_or(WindowKind::Total);
    let [max_total, max_per_session, max_per_agent] =
        ["max_total", "max_per_session", "max_per_agent"]
            .map(|field| object.read(field, scalar::decimal));
    let tools = object.take("max_per_tool").map(|node| tools(&node));
    let max_per_tool = tools
        .and_then(|tools| object.keep(tools))
        .unwrap_or_default();
    Some(Budget {
        max_total,
        max_per_session,
        max_per_agent,
        max_per_tool,
        currency: currency?,
        window,
    })
}

fn tools(node: &Node<'_>) -> Result<BTreeMap<Arc<str>, Amount>, Errors> {
    let entry = |(key, node): (String, Node<'_>)| {
        let tool = tool_of(&key).ok_or_else(|| {
            node.fault(Fault::rule(
                "must be under a tool's key, server/tool, its parts escaped: / as %2F, % as %25",
            ))
        })?;
        Ok((tool, node.scalar(scalar::decimal)?))
    };
    Errors::gather(node.entries()?.into_iter().map(entry)).map(BTreeMap::from_iter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::refusal;

    #[test]
    fn a_budget_is_a_limit_for_each_of_its_caps() {
        let body = br#"{"max_total":"100.00","max_per_agent":30,"max_per_tool":{"s1/expensive":"5","a%2Fb/c":"1"},"currency":"USD"}"#;
        let budget = parse_budget(body).unwrap().unwrap();
        let limits: Vec<String> = budget
            .limits()
            .iter()
            .map(|limit| {
                format!(
                    "{} {} {:?} {}",
                    limit.id,
                    limit.scope.as_str(),
                    limit.scope_id,
                    limit.hard.unwrap_or_default() / 10_i128.pow(18)
                )
            })
            .collect();
        let expected = [
            "budget:total tenant None 100",
            "budget:agent agent None 30",
            "budget:3caf0a429a3692eecacad32d696b22a1 tool Some(\"a%2Fb/c\") 1",
            "budget:tool:s1/expensive tool Some(\"s1/expensive\") 5",
        ];
        assert_eq!(limits, expected);
        assert_eq!(budget.window, WindowKind::Total);
        assert_eq!(parse_budget(br#"{"currency":"USD"}"#).unwrap(), None);
    }

    #[test]
    fn a_bad_budget_is_refused_by_field() {
        for (body, status, pointer) in [
            (&br#"{"max_total":1}"#[..], 400, "/currency"),
            (br#"{"max_total":-1,"currency":"USD"}"#, 422, "/max_total"),
            (
                br#"{"max_total":"1e400","currency":"USD"}"#,
                422,
                "/max_total",
            ),
            (
                br#"{"max_per_tool":{"search":1},"currency":"USD"}"#,
                422,
                "/max_per_tool/search",
            ),
            (
                br#"{"max_per_tool":[1],"currency":"USD"}"#,
                400,
                "/max_per_tool",
            ),
            (
                br#"{"max_per_tool":{"a/b":"x"},"currency":"USD"}"#,
                422,
                "/max_per_tool/a~1b",
            ),
            (
                br#"{"max_per_tool":{"a/b":true},"currency":"USD"}"#,
                400,
                "/max_per_tool/a~1b",
            ),
            (
                br#"{"window":"fortnight","currency":"USD"}"#,
                422,
                "/window",
            ),
            (br#"{"max":1,"currency":"USD"}"#, 400, "/max"),
        ] {
            assert_eq!(
                refusal(parse_budget(body)),
                (status, pointer.to_owned()),
                "{}",
                String::from_utf8_lossy(body)
            );
        }
    }
}
