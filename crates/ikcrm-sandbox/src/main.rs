//! The sandbox as a program: prints its URL as its first line and serves until it is stopped.

use std::io::{self, Read, Write};
use std::time::Duration;

use clap::Parser;
use ikcrm_sandbox::{Builder, DEFAULT_TOKEN, Quota, Sandbox};

/// A stand-in for the CRM 励销云/爱客CRM, in memory, on 127.0.0.1.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
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
}

/// Login, password and enterprises of an account.
#[derive(Clone)]
struct Account(String, String, String);

fn account(text: &str) -> Result<Account, &'static str> {
    let (login, rest) = text.split_once(':').ok_or("a password is missing")?;
    let (password, corp_ids) = rest.rsplit_once(':').ok_or("the ids of enterprises are missing")?;
    Ok(Account(login.to_owned(), password.to_owned(), corp_ids.to_owned()))
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let per = Duration::from_millis(options.quota_window_ms);
    let quota = Quota { calls: options.quota_calls, per };
    let builder = Sandbox::builder().token(options.token);
    let with_account = |builder: Builder, Account(login, password, corp_ids): &Account| {
        builder.account(login, password, &corp_ids.split(',').collect::<Vec<_>>())
    };
    let sandbox = options
        .accounts
        .iter()
        .fold(builder, with_account)
        .port(options.port)
        .quota((!options.no_quota).then_some(quota))
        .latency(Duration::from_millis(options.latency_ms))
        .whole_list_rows(options.whole_list_rows)
        .sorts_by_update(!options.no_sort_by_update)
        .start()?;
    let mut out = io::stdout();
    writeln!(out, "{}", sandbox.url())?;
    out.flush()?;
    if options.until_stdin_closes {
        io::stdin().read_to_end(&mut Vec::new())?;
    } else {
        // A signal ends the process; there is nothing to put away.
        loop {
            std::thread::park();
        }
    }
    Ok(())
}
