//! The sandbox as a program: prints its URL as its first line and serves until it is stopped, or runs
//! one command against itself.

use std::io::{self, Read, Write};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Parser;
use ikcrm_sandbox::{Builder, DEFAULT_TOKEN, Quota, Sandbox};

/// A stand-in for the CRM 励销云/爱客CRM, in memory, on 127.0.0.1.
///
/// Prints its URL, and the settings that let a program call it.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
struct Options {
    /// The port to listen on; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The token to accept for ever.
    #[arg(long, default_value = DEFAULT_TOKEN)]
    token: String,
    /// An account that may sign in: login, password and ids of enterprises, `LOGIN:PASSWORD:1,2`.
    ///
    /// May be given again. Without it there are `demo@example.com:demo-password:1001` and
    /// `group@example.com:group-password:1001,1002`.
    #[arg(long = "account", value_parser = account, value_name = "ACCOUNT")]
    accounts: Vec<Account>,
    /// Admit any number of calls.
    #[arg(long)]
    no_quota: bool,
    /// How many calls to admit in any window.
    #[arg(long, default_value_t = 10)]
    quota_calls: usize,
    /// How long a window is, in milliseconds.
    #[arg(long, default_value_t = 10_000)]
    quota_window_ms: u64,
    /// How long each answer takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Let the rows of a list have all that the opportunities have.
    #[arg(long)]
    whole_list_rows: bool,
    /// Ignore that a list is to be ordered by `updated_at`.
    #[arg(long)]
    no_sort_by_update: bool,
    /// Stop when standard input closes, so that a parent's end is the sandbox's too.
    #[arg(long)]
    until_stdin_closes: bool,
    /// Run this command with the settings, print nothing else, and end as it ends.
    #[arg(trailing_var_arg = true)]
    command: Vec<String>,
}

/// Login, password and enterprises of an account.
#[derive(Clone)]
struct Account(String, String, String);

fn account(text: &str) -> Result<Account, &'static str> {
    let (login, rest) = text.split_once(':').ok_or("a password is missing")?;
    let (password, corp_ids) = rest.rsplit_once(':').ok_or("the ids of enterprises are missing")?;
    Ok(Account(login.to_owned(), password.to_owned(), corp_ids.to_owned()))
}

fn main() -> io::Result<ExitCode> {
    let options = Options::parse();
    let sandbox = start(&options)?;
    if let [program, arguments @ ..] = options.command.as_slice() {
        return run(&sandbox, program, arguments);
    }
    let (url, token) = (sandbox.url(), quoted(sandbox.token()));
    let settings = if cfg!(windows) {
        format!("$env:IKCRM_BASE_URL = '{url}'; $env:IKCRM_TOKEN = {token}")
    } else {
        format!("export IKCRM_BASE_URL='{url}' IKCRM_TOKEN={token}")
    };
    // At once, so that whoever wants the first line only may close the pipe then.
    io::stdout().write_all(format!("{url}\n{settings}\n").as_bytes())?;
    if options.until_stdin_closes {
        io::stdin().read_to_end(&mut Vec::new())?;
        return Ok(ExitCode::SUCCESS);
    }
    // A signal ends the process; there is nothing to put away.
    loop {
        std::thread::park();
    }
}

fn start(options: &Options) -> io::Result<Sandbox> {
    let per = Duration::from_millis(options.quota_window_ms);
    let quota = Quota { calls: options.quota_calls, per };
    let with_account = |builder: Builder, Account(login, password, corp_ids): &Account| {
        builder.account(login, password, &corp_ids.split(',').collect::<Vec<_>>())
    };
    options
        .accounts
        .iter()
        .fold(Sandbox::builder().token(&options.token), with_account)
        .port(options.port)
        .quota((!options.no_quota).then_some(quota))
        .latency(Duration::from_millis(options.latency_ms))
        .whole_list_rows(options.whole_list_rows)
        .sorts_by_update(!options.no_sort_by_update)
        .start()
}

fn run(sandbox: &Sandbox, program: &str, arguments: &[String]) -> io::Result<ExitCode> {
    let settings = [("IKCRM_BASE_URL", sandbox.url()), ("IKCRM_TOKEN", sandbox.token().to_owned())];
    let status = Command::new(program).args(arguments).envs(settings).status()?;
    // A command that a signal ended has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// As a shell reads it.
fn quoted(text: &str) -> String {
    let quote = if cfg!(windows) { "''" } else { r"'\''" };
    format!("'{}'", text.replace('\'', quote))
}
