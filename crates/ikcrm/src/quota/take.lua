-- Takes a slot of the window KEYS[1], or tells when there may be one. By the server's clock, in
-- microseconds; what it decides is what window.rs decides.
--
-- The window is a hash with these fields:
--   SLOT (its id): since when, for how long the CRM may count its call, 1 while that is under way
--   limit:CALLS:PER: when a limit was last seen
--   blocked: until when nobody takes a slot
--   run, born, began, last: the run of the server that it was written in, its own name, when it began
--   and when it was last used
--
-- ARGV: id ('' only looks), calls, per, open, ahead, the name it had for the caller ('' none), the
-- longest hold that the caller knows of, 1 to tell the server's policy for full memory
-- Returns: 1 if a slot was taken, the time to wait, the slots taken; the server's time, the window's
-- name, its longest hold; calls and per of a stricter limit (0: none), 1 if something was lost, the
-- policy
local REMEMBERED, LONGEST_OPEN, LONGEST_BLOCK = 3600e6, 3610e6, 600e6
local key, id, known = KEYS[1], ARGV[1], ARGV[6]
local calls, per, open = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local ahead, hold = tonumber(ARGV[5]), tonumber(ARGV[7])
local looks = id == ''
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local server = redis.call('INFO', 'server')
local run = server:match('run_id:(%w+)')
local uptime = math.max(0, (tonumber(server:match('uptime_in_seconds:(%d+)')) or 0) - 1) * 1000000

local function text(number)
  return string.format('%.0f', number)
end

-- Reads the hash. When the clock went back, no more time is left than was left then.
local fields, hash = {}, redis.call('HGETALL', key)
for i = 1, #hash, 2 do
  fields[hash[i]] = hash[i + 1]
end
local back = math.min(0, now - tonumber(fields.last or 0))
local blocked = tonumber(fields.blocked or 0) + back
local began = math.min(now, tonumber(fields.began or now) + back)
local born, written_in = fields.born, fields.run
local own = 'limit:' .. calls .. ':' .. per
local slots, limits, longest_known, new = {}, {}, 0, true
for name, value in pairs(fields) do
  local limit_calls, limit_per = name:match('^limit:(%d+):(%d+)$')
  local since, left, flying = value:match('^(%d+):(%d+):([01])$')
  if limit_calls then
    local seen = math.min(now, tonumber(value) + back)
    if seen + REMEMBERED <= now then
      if not looks then redis.call('HDEL', key, name) end
    else
      limit_per = tonumber(limit_per)
      table.insert(limits, {calls = tonumber(limit_calls), per = limit_per})
      longest_known = math.max(longest_known, limit_per)
      new = new and name ~= own
      if back < 0 and not looks then redis.call('HSET', key, name, text(seen)) end
    end
  elseif since then
    local slot = {id = name, flying = flying == '1'}
    slot.since = math.min(now, tonumber(since) + back)
    slot.open = math.min(LONGEST_OPEN, tonumber(left))
    table.insert(slots, slot)
    if tonumber(since) ~= slot.since and not looks then
      redis.call('HSET', key, name, text(slot.since) .. ':' .. left .. ':' .. flying)
    end
  end
end

-- What a server forgot when it ended or dropped the key, or a copy of it never knew, had been taken
-- before, so it is over a hold later.
local lost = 0
if written_in and written_in ~= run then
  blocked = math.max(blocked, now + hold)
  lost = 1
elseif not born and uptime < hold then
  blocked = math.max(blocked, now + hold - uptime)
end
if not born then
  born, began = text(now), now
end
if known ~= '' and known ~= born and began + hold > now then
  blocked = math.max(blocked, began + hold)
  lost = 1
end

-- What was sent before the windows known so far is not known, so a longer one begins after that.
if new then
  if longest_known > 0 and longest_known < per then
    blocked = math.max(blocked, now + per - longest_known)
  end
  table.insert(limits, {calls = calls, per = per})
end
local longest_per = math.max(longest_known, per)
blocked = math.min(blocked, now + math.max(LONGEST_BLOCK, 6 * longest_per))

-- The slots that are left, and the longest hold among them.
local kept, longest_hold = {}, 0
for _, slot in ipairs(slots) do
  if slot.id == id or slot.since + slot.open + longest_per <= now then
    if not looks then redis.call('HDEL', key, slot.id) end
  else
    table.insert(kept, slot)
    longest_hold = math.max(longest_hold, slot.open + longest_per)
  end
end

-- The earliest time at which all limits have a slot.
local at, used = now, 0
for _, limit in ipairs(limits) do
  local free_at = {}
  for _, slot in ipairs(kept) do
    local free = slot.since + slot.open + limit.per
    if free > now then
      table.insert(free_at, slot.flying and math.min(free, now + limit.per) or free)
    end
  end
  if limit.calls == calls and limit.per == per then
    used = #free_at
  end
  while #free_at < limit.calls do
    table.insert(free_at, now)
  end
  table.sort(free_at)
  local free = math.max(free_at[#free_at - limit.calls + 1 + ahead % limit.calls], blocked)
  at = math.max(at, free + limit.per * math.floor(ahead / limit.calls))
end

local taken = 0
if not looks then
  if at <= now then
    taken = 1
    redis.call('HSET', key, id, text(now) .. ':' .. text(open) .. ':1')
    longest_hold = math.max(longest_hold, open + longest_per)
  end
  redis.call('HSET', key, own, text(now), 'blocked', text(blocked), 'run', run, 'born', born)
  redis.call('HSET', key, 'began', text(began), 'last', text(now))
  redis.call('PEXPIRE', key, 86400000)
end

local stricter = {calls = 0, per = 0}
for _, limit in ipairs(limits) do
  if limit.calls < calls * math.ceil(limit.per / per) and limit.per > stricter.per then
    stricter = limit
  end
end

local policy = ''
if ARGV[8] == '1' then
  local memory = redis.call('INFO', 'memory')
  if tonumber(memory:match('maxmemory:(%d+)') or 0) > 0 then
    policy = memory:match('maxmemory_policy:([%w-]+)') or ''
  end
end
return {
  taken, math.max(at - now, 0), used, now, born, longest_hold,
  stricter.calls, stricter.per, lost, policy,
}
