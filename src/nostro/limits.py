"""Every bound of the project with its unit and its reason. A bound that belongs to one exchange stands in that
exchange's declaration."""

from __future__ import annotations

from typing import Final

AMOUNT_CHARACTERS: Final = 80  # the longest text that is an amount: sign, 39 + 36 digits, point, exponent
DECIMAL_DIGITS: Final = 76  # digits of the exact context: a product of two 38-digit amounts
VALUES_REMEMBERED: Final = 4_096  # texts of amounts, and of times: a page repeats most of them; about 1 MB
SHOWN_CHARACTERS: Final = 60  # of a bad value in an error: enough to see it, one line long

BODY_BYTES_MAX: Final = 16 * 1024 * 1024  # of one answer; a larger one is abandoned and its window halved
HISTORY_BYTES_MAX: Final = 2 * 1024 * 1024  # of one answer whose window can be halved: what is read then fits in memory
ANSWER_BYTES_HELD: Final = 1024 * 1024  # of one answer of the paper server; a longer one goes piece by piece
REQUEST_BYTES_MAX: Final = 1024 * 1024  # of one request to the paper server
REQUEST_TIMEOUT_S: Final = 60  # for one answer: what the exchanges' own clients wait
RETRIES_MAX: Final = 5  # of one read after a failure that may be repeated
BACKOFF_FIRST_S: Final = 0.5  # doubled at each retry, with jitter
BACKOFF_MAX_S: Final = 60.0  # the longest pause between retries
RETRY_AFTER_MAX_S: Final = 300.0  # the longest silence that is waited for within one call; a longer one is said instead
PAUSE_TOLD_S: Final = 2.0  # a pause from which on somebody who watches wonders: it is told
AUTH_FAILURES_MAX: Final = 2  # refusals of a key before the account stops asking: exchanges lock accounts out
TOKEN_MARGIN_S: Final = 60  # a token is renewed this long before it expires
CLOCK_SKEW_MAX_S: Final = 30  # beyond this the clocks are said to differ
UNREAD_QUARTERS_MAX: Final = 3  # of the time for which an exchange remembers: what is unread for longer has a deadline

CANDLES_AT_ONCE: Final = 500  # asked for by one request: the most that the exchanges served so far answer
ROWS_PER_WINDOW_AIM: Final = 5_000  # rows that a window of a route without page size is adapted to hold
WINDOW_FIRST_S: Final = 30 * 86_400  # the first window of a route without page size: what most of them allow at all
WINDOW_GROWTH_MAX: Final = 4  # a window is at most so many times its predecessor: quiet stretches are skipped fast
IDS_REMEMBERED: Final = 20_000  # names of rows that may be answered again while others arrive: about 2 MB
SWEEPS_MAX: Final = 5  # of one window whose rows move while one pages; if no two agree it stays open
REPEATED_PAGES_MAX: Final = 5  # the same rows again at another position: then the position is not obeyed
PAGES_PER_SWEEP_MAX: Final = 100_000  # of one sub-query: beyond this the paging runs in a circle

FEED_FRAME_BYTES_MAX: Final = 16 * 1024 * 1024  # of one frame that is received: what an answer may have
FEED_MESSAGE_BYTES_MAX: Final = 64 * 1024  # of one message to the paper server: a few thousand topics
FEED_QUEUE_BYTES_MAX: Final = 4 * 1024 * 1024  # that wait for one reader; one that is further behind is disconnected
FEED_SESSIONS_MAX: Final = 256  # connections to one paper server: enough for any test, and none is forgotten
FEED_WELCOME_S: Final = 10.0  # for the first frame of a connection
FEED_SEND_S: Final = 5.0  # for one message of ours to leave: who reads none of them is not there
FEED_FAREWELL_S: Final = 1.0  # for the other side to take leave: a process that is to end does so in 5 s
LISTENER_EVENTS_MAX: Final = 10_000  # that wait for one listener: about 10 MB, and minutes of a busy account
FEED_SILENCE_S: Final = 30  # without any sign of life, whatever the wire allows: then a feed's connection has ended
FEED_PING_S: Final = 10  # between two pings below the frames: half-open links are noticed, and busy ones not burdened
FEED_TURN_FRAMES: Final = 200  # of one account, before it is the others' turn
FRAMES_REMEMBERED: Final = 2_048  # whose meaning is still known when they are kept: a few segments, about 10 MB
FRAME_REMEMBERED_BYTES: Final = 4_096  # of the largest of them: what says more is read again
FEED_TURN_MS: Final = 10  # that one account's turn may take
FEED_FRAMES_A_SECOND: Final = 20_000  # of one account that are read; the rest waits in the exchange's buffers
SEGMENT_BYTES: Final = 256 * 1024  # of frames in one page
SEGMENT_S: Final = 1  # from the first to the last frame of one page: what kill -9 may lose
PROBE_S: Final = 60  # between two answers that a feed is held against
RECHECK_S: Final = 5  # until an answer that differs is asked for again; what is younger may still be on its way
RECHECKS_MAX: Final = 3  # answers that frames overtook, before the frames hold
POLL_S: Final = 5  # between two questions where there is no feed
ROWS_TOLD: Final = 5_000  # of one followed account that are known again when they come again: about 5 MB
RECONNECT_FRESH_S: Final = 60  # a connection that lived so long has earned a first, short pause

PAGE_CACHE_PAGES: Final = 1_000  # SQLite pages kept in memory by one connection (of 16 KiB)
SQLITE_PAGE_BYTES: Final = 16_384  # measured: 1.1 times the rows per second of 4 KiB pages
WAL_CHECKPOINT_PAGES: Final = 6_250  # 100 MB of WAL between checkpoints: measured 1.6 times the rows per second
FETCHED_FIRST: Final = 50  # rows that are fetched at once from a database server, and then more and more
FETCHED_MAX: Final = 2_000  # rows at once: a row takes about 300 bytes
FETCHED_WIDE: Final = 8  # pages at once: one may hold `BODY_BYTES_MAX`
COPIED_MIN: Final = 2  # rows from which on COPY is quicker than INSERT: measured, 95 µs against 110
CONNECT_TIMEOUT_S: Final = 10  # for a database server to answer at all
BUSY_TIMEOUT_MS: Final = 10_000  # how long a statement waits for another process's lock
LEASE_S: Final = 30  # how long a lease on an account lives without renewal
INBOX_BYTES_MAX: Final = 1024 * 1024  # of one entry left for the holder of the lease

SNAPSHOT_COMMANDS: Final = 10_000  # of the venue between two snapshots: a later start replays fewer
SNAPSHOTS_KEPT: Final = 2  # of the venue: the newest, and one before it
BATCH_COMMANDS: Final = 5_000  # of the venue in one transaction while a history is made
VENUE_PAGE_ROWS: Final = 500  # that a history of the venue reads at once
SEEN_ROWS: Final = 100_000  # whose identities are kept at hand while a sweep goes on, about 9 MB; others are read again
