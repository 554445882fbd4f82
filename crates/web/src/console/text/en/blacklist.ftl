# The blacklist.

blacklist-about = Nobody can log in to an account that is listed here, whatever else is said of it.
blacklist-search = Search by account, provider and reason
blacklist-none = Nobody is blacklisted. List an account to keep it out at once, also before there is one of that name.
blacklist-none-match = Nobody who is blacklisted matches what you ask for.
blacklist-new = Blacklist an account
blacklist-new-about = Its sessions end at once, and none can be opened. It is the name that is listed: an account that gets it later is kept out too.
blacklist-provider = Identity Provider
blacklist-local = local: people
blacklist-service = service: machines
blacklist-name = User name
blacklist-name-hint = Upper and lower case make no difference. There need not be an account of this name.
blacklist-name-missing = is needed
blacklist-reason = Reason
blacklist-reason-hint = For whoever wonders later. Shown to administrators only.
blacklist-when = Since
blacklist-button = Blacklist this account
blacklist-off = Take off
blacklist-off-of = Take off { $name }
blacklist-off-title = Take { $name } off the blacklist?
blacklist-off-about = Whoever knows the password can log in again, unless the account is disabled, locked or blocked. Sessions that were ended stay ended.
blacklist-off-button = Take { $name } off the blacklist
blacklist-reason-none = none was given
act-blacklist = Blacklist
done-blacklisted = { $name } is blacklisted. Its sessions have ended.
done-unblacklisted = { $name } is not blacklisted any more.
blacklist-provider-column = Provider
