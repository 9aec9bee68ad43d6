//! Results as a page.

use super::html::Esc;
use super::sections::{Section, sections};
use super::series::Styles;
use super::tables::{self, Table};
use super::{bars, curves, glance, growth, words};
use crate::results::Results;

/// The page of a report, as HTML that needs nothing from elsewhere.
#[must_use]
pub fn page(results: &Results) -> String {
    let sections = sections(results);
    let styles = Styles::of(&sections);
    let mut html = String::from("<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n");
    put!(
        html,
        "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n",
        words::TITLE,
        include_str!("style.css")
    );
    head(&mut html, results, &sections);
    glance::draw(&mut html, &sections);
    how_to_read(&mut html);
    for (number, section) in sections.iter().enumerate() {
        put_section(&mut html, &styles, number, section);
    }
    for table in growth::growth(results).iter().chain(&growth::long_runs(results)) {
        html.push_str("<section>\n");
        put_table(&mut html, table);
        html.push_str("</section>\n");
    }
    configurations(&mut html, results);
    where_and_when(&mut html, results);
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn head(html: &mut String, results: &Results, sections: &[Section<'_>]) {
    put!(
        html,
        "<header>\n<p class=soft>{}</p>\n<h1>{}</h1>\n",
        words::TITLE,
        Esc(words::verdict(sections))
    );
    if let Some(run) = results.runs.last() {
        let what = match results.runs.len() {
            1 => "Measured".to_owned(),
            runs => format!("{runs} runs, the last"),
        };
        let (date, machine) = (Esc(&run.date), Esc(&run.machine));
        put!(
            html,
            "<p>{what} {date} on {machine}. In a run all systems have the same machine.</p>\n"
        );
    }
    html.push_str("</header>\n");
}

fn how_to_read(html: &mut String) {
    html.push_str("<details>\n<summary>What the words mean</summary>\n<dl>\n");
    for (term, meaning) in words::terms() {
        put!(html, "<div><dt>{term}</dt><dd>{}</dd></div>\n", Esc(meaning));
    }
    html.push_str("</dl>\n</details>\n");
}

fn put_section(html: &mut String, styles: &Styles<'_>, number: usize, section: &Section<'_>) {
    let (title, about) = (Esc(words::title(section)), words::about(section));
    put!(html, "<section id=s{number}>\n<h2>{title}</h2>\n<p>{about}</p>\n");
    if let Some(ceiling) = words::ceiling(section) {
        put!(html, "<p>{} It is in the tables, not in the curves.</p>\n", Esc(ceiling));
    }
    if !section.closed.is_empty() {
        html.push_str(
            "<h3>Throughput and latency as more is asked at once</h3>\n<p class=note>A point is \
             a load, and a line joins a system’s loads from few requests in flight to many. \
             Further right is more, lower is sooner. A ring marks the peak, a thin line across \
             a point the least and the most of its turns.</p>\n",
        );
        curves::draw(html, styles, section, &section.closed);
        bars::draw(html, styles, section);
    }
    for series in section.without_peak() {
        let name = Esc(styles.name(series));
        put!(html, "<p>Without a peak, for its callers waited too long at every load: {name}.</p>");
    }
    if !section.open.is_empty() {
        html.push_str(
            "<h3>Latency when requests arrive at a rate</h3>\n<p class=note>A point is a rate. \
             Who waits in a queue counts as waiting.</p>\n",
        );
        curves::draw(html, styles, section, &section.open);
    }
    let peaks = tables::peaks(section);
    let equal = tables::equal_concurrency(section);
    html.push_str("<details>\n<summary>Every number as tables</summary>\n");
    for table in peaks.iter().chain(&equal).chain(&tables::open_loop(section)) {
        put_table(html, table);
    }
    html.push_str("</details>\n</section>\n");
}

fn configurations(html: &mut String, results: &Results) {
    if !results.configurations.is_empty() {
        html.push_str("<section>\n<h2>How each system was configured</h2>\n<dl>\n");
        for (system, settings) in &results.configurations {
            put!(html, "<div><dt>{}</dt>", Esc(system));
            for setting in settings {
                put!(html, "<dd>{}</dd>", Esc(setting));
            }
            html.push_str("</div>\n");
        }
        html.push_str("</dl>\n</section>\n");
    }
    if !results.absent.is_empty() {
        html.push_str("<section>\n<h2>What was not measured</h2>\n<ul>\n");
        for why in &results.absent {
            put!(html, "<li>{}</li>\n", Esc(why));
        }
        html.push_str("</ul>\n</section>\n");
    }
}

fn where_and_when(html: &mut String, results: &Results) {
    if let Some(runs) = tables::runs(&results.runs) {
        html.push_str("<section>\n<h2>What was run, and where</h2>\n");
        put_table(html, &runs);
        html.push_str("</section>\n");
    }
}

fn put_table(html: &mut String, table: &Table) {
    let caption = Esc(&table.caption);
    put!(
        html,
        "<div class=scroll tabindex=0 role=region aria-label=\"{caption}\">\n<table \
         class=all>\n<caption>{caption}</caption>\n<tr>"
    );
    for column in &table.columns {
        let class = if column.is_number { " class=r" } else { "" };
        put!(html, "<th scope=col{class}>{}", column.name);
    }
    html.push_str("</tr>\n");
    for line in &table.lines {
        html.push_str(if line.is_ours { "<tr class=ours>" } else { "<tr>" });
        for (column, cell) in table.columns.iter().zip(&line.cells) {
            let cell = Esc(cell);
            match (column.name, column.is_number) {
                ("system", _) => put!(html, "<th scope=row>{cell}"),
                ("command", _) => put!(html, "<td><code>{cell}</code>"),
                (_, true) => put!(html, "<td class=r>{cell}"),
                (_, false) => put!(html, "<td>{cell}"),
            }
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n</div>\n");
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{example, row, slow};
    use super::*;
    use crate::results::{Row, Run};

    #[test]
    fn the_verdict_comes_first() {
        let html = page(&example());
        let place = |text: &str| html.find(text).expect("it is on the page");
        assert!(place("<h1>At its peak Seatgrid gives") < place("<table"));
        assert!(place("<table class=glance>") < place("<section id=s0>"));
        assert!(place("<figure>") < place("Every number as tables"));
    }

    #[test]
    fn a_page_needs_nothing_from_elsewhere() {
        let html = page(&example());
        for outside in ["http:", "https:", "<script", "<link", "@import", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
    }

    #[test]
    fn names_stay_text() {
        let hostile = "<script>\"'&".to_owned();
        let mut results = example();
        results.note(Row { workload: hostile.clone(), ..row(&hostile, 1, &[1.0]) });
        results.note(Row { workload: hostile.clone(), ..slow(&hostile, 2, &[1.0], 1e9) });
        results.note(Row { caller: hostile.clone(), rate: Some(1.0), ..row("Redis", 1, &[1.0]) });
        results.absent.push(hostile.clone());
        results.configurations.insert(hostile.clone(), vec![hostile.clone()]);
        let run = Run {
            command: hostile.clone(),
            commit: hostile.clone(),
            date: hostile.clone(),
            machine: hostile,
        };
        results.runs.push(run);
        let html = page(&results);
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;&quot;&#39;&amp;"));
    }

    #[test]
    fn a_page_of_nothing_still_says_so() {
        assert!(page(&Results::default()).contains("<h1>Nothing was measured.</h1>"));
        let mut results = Results::default();
        results.note(row("Redis", 1, &[]));
        assert!(page(&results).contains("<h1>Nothing was measured.</h1>"));
        results.note(slow("Redis", 1, &[1.0], 1e9));
        assert!(page(&results).contains("waited too long at every load: Redis."));
    }
}
