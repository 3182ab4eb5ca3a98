"""A book of an account: brought up to date, asked what was, and proven. Run it twice: the second time it only asks for
what is new."""

from __future__ import annotations

import nostro

with nostro.open_account("alp", test_mode=True) as account, nostro.open_book("example.db") as book:
    report = book.sync(account)
    print("kept", report.new, "new facts from", report.pages, "pages")
    for line in book.balances():
        print(f"{line.asset:5} reported {line.reported}  computed {line.computed}  {line.status} {line.cause}")
    for interval in book.coverage():
        if interval.status == "unavailable":
            print(interval.stream, "is unavailable:", interval.cause)
    print(len(book.breaks()), "breaks; the whole book is", book.verify().head)
