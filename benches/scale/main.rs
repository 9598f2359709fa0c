//! `cargo bench --bench scale`: what a scan costs, beside what parsing the same bytes costs.
//!
//! For each size, three processes: one serves the in-memory API over loopback HTTP, one scans it, one only fetches
//! and parses the same lists into the same structs. CPU is that of the whole scan, connection and discovery included;
//! memory is the peak above what the process had before it connected. For a file of manifests, `scan -f` is compared
//! with the YAML parser alone, and with itself on a file of one Deployment: what that takes is the program. What it
//! costs to hold findings against a long list of exclusions is compared with the scan of as many Pods, and may be a
//! tenth of it at most. Ratios are of one run on one machine. `cargo test --bench scale -- --smoke` only shows that it works.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::exit,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs,
    reason = "a benchmark may stop at the first surprise, prints, and reads the kernel's files"
)]

mod data;
mod exclusions;
mod process;
mod run;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", pods] => run::serve(pods.parse().unwrap()),
        ["scan", address] => run::scan(address),
        ["parse", address] => run::parse(address),
        ["files", path] => run::files(path.as_ref()),
        ["yaml", path] => run::yaml(path.as_ref()),
        ["decide", entries, findings] => {
            exclusions::decide_measured(entries.parse().unwrap(), findings.parse().unwrap());
        }
        ["--smoke"] => {
            let scan = measure(&[200], 50);
            measure_exclusions(50, 200, scan);
        }
        [] => {
            let scan = measure(&[200, 2_000, 20_000], 2_000);
            let share = measure_exclusions(5_000, 20_000, scan);
            assert!(share <= 0.10, "exclusions take more than a tenth of the scan");
        }
        other => panic!("unknown arguments {other:?}"),
    }
}

/// Returns the CPU of the last scan, in milliseconds.
fn measure(sizes: &[usize], deployments: usize) -> f64 {
    let mut last = 0.0;
    for pods in sizes {
        let (mut server, address) = serve(*pods);
        let scan = child(&["scan", &address]);
        let parse = child(&["parse", &address]);
        server.kill().unwrap();
        server.wait().unwrap();
        let ratio = scan.cpu / parse.cpu;
        println!(
            "scale pods={pods} cpu_ratio={ratio:.2} rss_mib={:.1} requests={} (scan {:.0} ms, parsing alone {:.0} ms)",
            scan.rss, scan.count, scan.cpu, parse.cpu
        );
        last = scan.cpu;
    }
    measure_files(deployments);
    last
}

/// The decision about that many findings with so many exclusions, less what it takes without any; as a share of the
/// scan's and its own CPU.
fn measure_exclusions(entries: usize, findings: usize, scan: f64) -> f64 {
    let [with, without] =
        [entries, 0].map(|entries| child(&["decide", &entries.to_string(), &findings.to_string()]));
    let matching = (with.cpu - without.cpu).max(0.0);
    let share = matching / (scan + with.cpu);
    println!(
        "exclusions entries={entries} findings={findings} cpu_share={share:.3} covered={} (matching {matching:.0} ms beside a scan of {scan:.0} ms)",
        with.count
    );
    share
}

fn measure_files(deployments: usize) {
    let folder = std::env::temp_dir().join(format!("driftgate-scale-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, deployments: usize| {
        let path = folder.join(name);
        std::fs::write(&path, data::manifests(deployments)).unwrap();
        path.display().to_string()
    };
    let (path, one) = (file("manifests.yaml", deployments), file("one.yaml", 1));
    let bytes = std::fs::metadata(&path).unwrap().len();
    let (scan, parse, program) = (child(&["files", &path]), child(&["yaml", &path]), child(&["files", &one]));
    println!(
        "files deployments={deployments} mib={:.1} cpu_ratio={:.2} rss_mib={:.1} (scan {:.0} ms, YAML parser alone {:.0} ms, the program itself {:.1} MiB)",
        bytes as f64 / 1_048_576.0,
        scan.cpu / parse.cpu,
        scan.rss - program.rss,
        scan.cpu,
        parse.cpu,
        program.rss
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What a child measured of itself: milliseconds, MiB, a number of its own choice.
struct Measured {
    cpu: f64,
    rss: f64,
    count: u64,
}

fn this(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Starts the server; it prints its address, and ends when its standard input closes.
fn serve(pods: usize) -> (Child, String) {
    let mut server = this(&["serve", &pods.to_string()]).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
    (server, address.trim().to_owned())
}

fn child(arguments: &[&str]) -> Measured {
    let output = this(arguments).output().unwrap();
    std::io::stdout().flush().unwrap();
    assert!(output.status.success(), "{arguments:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let figures = text.lines().last().unwrap_or_default();
    let mut numbers = figures.split_whitespace().map(|number| number.parse::<f64>().unwrap());
    let mut next = || numbers.next().unwrap();
    Measured { cpu: next(), rss: next(), count: next() as u64 }
}
