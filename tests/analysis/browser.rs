//! The page of `app --analysis` in a real browser: headless Chromium. Where there is none, the cases are listed as ignored, unless
//! `REQUIRE_CHROMIUM` says that there must be one.

use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Trial;

use crate::support::process::app;
use crate::support::{Outcome, Workdir, alone, holds, same};

pub fn cases() -> Vec<Trial> {
    let there = chromium().is_some() || std::env::var_os("REQUIRE_CHROMIUM").is_some();
    let cases = [alone("analysis::browser::the_page_works_in_a_browser", the_page_works_in_a_browser)];
    cases.into_iter().flatten().map(|case| if there { case } else { case.with_ignored_flag(true) }).collect()
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let mut all = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    all.find(|file| file.is_file())
}

/// Counts what goes wrong, from the first moment on.
const WATCH: &str = "<script>window.wrong = [];
    addEventListener('error', event => wrong.push('error ' + event.message), true);
    addEventListener('securitypolicyviolation', event => wrong.push('refused ' + event.blockedURI));</script>";

/// Clicks, and writes down what is seen after each click.
const CLICK: &str = "<script>addEventListener('load', () => {
    const seen = [];
    const table = document.querySelector('#v table.data');
    const column = place => [...table.tBodies[0].rows].filter(row => !row.hidden).map(row => row.cells[place].textContent).join(' ');
    const click = place => table.tHead.rows[0].cells[place].querySelector('button').click();
    for (const place of [0, 1, 2]) for (const direction of ['up', 'down', 'as it was']) {
        click(place);
        seen.push(`${place} ${direction}: ${column(place)}`);
    }
    seen.push('aria ' + table.querySelectorAll('[aria-sort]').length);
    const search = document.querySelector('#v input');
    search.value = 'X1';
    search.dispatchEvent(new Event('input'));
    seen.push(`found ${column(2)}, ${document.querySelector('#v .count').textContent}`);
    const theme = document.querySelector('.theme');
    const back = () => getComputedStyle(document.body).backgroundColor;
    theme.click(); const light = back();
    theme.click(); const dark = back();
    seen.push(`themes ${light !== dark}`);
    const charts = [...document.querySelectorAll('#v svg')].filter(svg => svg.getBoundingClientRect().width > 0);
    seen.push(`charts ${charts.length}`);
    seen.push(`wider than the window: ${document.documentElement.scrollWidth > innerWidth}`);
    seen.push(`asked for ${performance.getEntriesByType('resource').length}`);
    seen.push(`wrong ${wrong.length}`);
    const result = document.createElement('pre');
    result.id = 'result';
    result.textContent = seen.join('\\n');
    document.body.append(result);
});</script>";

/// Opens a page; gives what the clicks saw, and what the browser says of its console.
fn open(workdir: &Workdir, page: &str, width: u32) -> anyhow::Result<(String, String)> {
    let chromium = chromium().ok_or_else(|| anyhow::anyhow!("there is no Chromium on the path"))?;
    let path = workdir.write(
        "exports/watched.html",
        page.replacen("<meta", &format!("{WATCH}<meta"), 1).replace("</body>", &format!("{CLICK}</body>")),
    )?;
    let output = Command::new(chromium)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args([
            "--enable-logging=stderr",
            "--virtual-time-budget=5000",
            "--dump-dom",
            "--disable-background-networking",
        ])
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", tempfile::tempdir_in(workdir.path(""))?.path().display()))
        .arg(format!("file://{}", path.display()))
        .output()?;
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    let seen =
        page.split("<pre id=\"result\">").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap_or_default();
    let console = String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect::<Vec<_>>()
        .join("\n");
    Ok((seen.to_owned(), console))
}

async fn the_page_works_in_a_browser(workdir: Workdir) -> Outcome {
    // Twelve rows, so that the table can be searched.
    workdir.write("imports/t.csv",
        "n,day,name\n10,2024-03-01,x10\n9,2024-02-29,X9\n-1.5,,b\n,2023-01-01,a\n1000000,2024-01-01,x1\n\
         20,2024-01-02,\"\"\n30,2024-01-03,c\n31,2024-01-04,d\n32,2024-01-05,e\n33,2024-01-06,f\n34,2024-01-07,g\n35,2024-01-08,h\n")?;
    workdir
        .write("sql/analysis/v.sql", "/*\nchart: {type: bar, x: name, y: n}\n*/\nselect n, day, name from staging.t")?;
    for command in ["--once", "--analysis"] {
        same((command, app(&workdir, &[command], &[])?.status.code()), (command, Some(0)))?;
    }
    let page = workdir.read("exports/index.html")?;
    for width in [1400, 500] {
        let (seen, console) = open(&workdir, &page, width)?;
        same(console, "")?;
        for line in [
            "0 up: -1.5 9.0 10.0 20.0 30.0 31.0 32.0 33.0 34.0 35.0 1,000,000.0 –",
            "0 down: 1,000,000.0 35.0 34.0 33.0 32.0 31.0 30.0 20.0 10.0 9.0 -1.5 –",
            "0 as it was: 10.0 9.0 -1.5 – 1,000,000.0 20.0",
            "1 up: 2023-01-01 2024-01-01 2024-01-02",
            "2024-02-29 2024-03-01 –\n1 down: 2024-03-01 2024-02-29",
            "2 up:  a b c d e f g h x1 X9 x10",
            "aria 0",
            "found x10 x1, 2 of 12",
            "themes true",
            "charts 1",
            "wider than the window: false",
            "asked for 0",
            "wrong 0",
        ] {
            holds(&seen, line)?;
        }
    }
    // The watch would see it: the page's policy refuses what is not in the page.
    let asking = page.replace("<footer>", "<footer><img src=\"http://127.0.0.1:9/x.png\">");
    let (seen, console) = open(&workdir, &asking, 1400)?;
    holds(&seen, "asked for 1")?;
    holds(&console, "Content Security Policy")
}
