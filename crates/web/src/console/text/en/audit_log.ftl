# The audit log.

audit-search = Search in all that is recorded
audit-outcome = Outcome
audit-any-outcome = Any outcome
audit-act = Act
audit-any-act = Any act
audit-more = More filters
audit-actor = By whom
audit-kind = Kind of object
audit-any-kind = Any kind
audit-object = Name of the object
audit-source = From address
audit-from = From day
audit-to = To day
audit-day-hint = Days are those of your zone, { $zone }.
audit-day-wrong = is no day such as 2026-11-22
audit-show = Show
audit-one-object = of one object
audit-one-request = of one request
audit-all-objects = Not only of one object
audit-all-requests = Not only of one request
audit-none-match = Nothing that is recorded matches what you ask for.
audit-none = Nothing is recorded yet. Every login and every change is from now on.
audit-export = { $count ->
    [one] Export this one record:
   *[other] Export all { $count } records that match:
}
audit-command-line = none: it was done at the command line
audit-csv = CSV
audit-ndjson = NDJSON
audit-object-id = Object's id
audit-request = Request
audit-id = Record
audit-changes = What changed
audit-no-changes = No field was changed.
audit-field = Field
audit-before = Before
audit-after = After
audit-same-object = All that was done to this object
audit-same-request = All that this request did
audit-days-first = Nothing is shown until both days can be understood.
