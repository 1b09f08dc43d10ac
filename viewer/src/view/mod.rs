//! `make view`: a page with a timeline, in one file that needs no network. The page's own parts are
//! in `page/`, as they are; here they are put together with what is to be seen.

mod data;

use serde::Serialize;

use crate::trace::Trace;
use data::Run;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
/// In this order: each uses those before it.
const SCRIPTS: [&str; 8] = [
    include_str!("page/model.js"),
    include_str!("page/theme.js"),
    include_str!("page/timeline.js"),
    include_str!("page/draw.js"),
    include_str!("page/list.js"),
    include_str!("page/panel.js"),
    include_str!("page/view.js"),
    include_str!("page/app.js"),
];

#[derive(Serialize)]
struct Data<'a> {
    runs: Vec<Run<'a>>,
    /// The first event in which two runs differ.
    difference: Option<usize>,
}

/// The page for a run; for two, side by side.
#[must_use]
pub fn page(trace: &Trace, other: Option<&Trace>) -> String {
    let runs = [Some(trace), other].into_iter().flatten().map(Run::new).collect();
    let data = Data { runs, difference: other.and_then(|other| first_difference(trace, other)) };
    let data = serde_json::to_string(&data).expect("numbers and texts can be written");
    // `</script>` and `<!--` would end it or change how it is read.
    let data = data.replace('<', "\\u003c");
    let title = escaped(&trace.header.title());
    let mut page = String::with_capacity(data.len() + 100_000);
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("each place on the page has an end");
        page.push_str(before);
        match name {
            "title" => page.push_str(&title),
            "style" => page.push_str(STYLE),
            "data" => page.push_str(&data),
            _ => SCRIPTS.iter().for_each(|script| page.push_str(script)),
        }
        rest = after;
    }
    page + rest
}

/// The position of the first event that is another one, or happened at another time. `None` if
/// there is none.
#[must_use]
pub fn first_difference(trace: &Trace, other: &Trace) -> Option<usize> {
    let (a, b) = (&trace.records, &other.records);
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    (same < a.len() || same < b.len()).then_some(same)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
