-- Takes a slot of the window KEYS[1], or tells when there may be one. By the server's clock, in
-- microseconds.
--
-- The window is a hash: a field for each slot (its id: the time at which it is free, with a + before
-- it while its call is under way), `blocked` (until when nobody takes one) and `run` (the run of the
-- server that it was written in).
--
-- ARGV: id ('' only looks), calls, per, hold, ahead, run, uptime
-- Returns: 1 if a slot was taken, the time to wait, the slots taken
local id, run = ARGV[1], ARGV[6]
local calls, per, hold = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local ahead, uptime = tonumber(ARGV[5]), tonumber(ARGV[7])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local blocked, written_in, free_at = 0, nil, {}
local window = redis.call('HGETALL', KEYS[1])
for i = 1, #window, 2 do
  local name, value = window[i], window[i + 1]
  if name == 'run' then
    written_in = value
  elseif name == 'blocked' then
    blocked = tonumber(value)
  elseif name ~= id then
    local at = tonumber(value)
    if at <= now then
      redis.call('HDEL', KEYS[1], name)
    elseif value:sub(1, 1) == '+' then
      table.insert(free_at, math.min(at, now + per))
    else
      table.insert(free_at, at)
    end
  end
end
local used = #free_at

-- What a server forgot when it ended, or a copy of it never knew, is over after `hold`.
if id ~= '' and written_in ~= run then
  if written_in then
    blocked = math.max(blocked, now + hold)
  elseif uptime < hold then
    blocked = math.max(blocked, now + hold - uptime)
  end
  redis.call('HSET', KEYS[1], 'run', run, 'blocked', string.format('%.0f', blocked))
end

-- The earliest time, as in window.rs.
while #free_at < calls do
  table.insert(free_at, now)
end
table.sort(free_at)
local at = free_at[#free_at - calls + 1 + ahead % calls] + per * math.floor(ahead / calls)
at = math.max(at, blocked)

local taken = 0
if id ~= '' and ahead == 0 and at <= now then
  redis.call('HSET', KEYS[1], id, string.format('+%.0f', now + hold))
  taken = 1
end
local left = math.ceil(math.max(hold, blocked - now) / 1000)
if redis.call('PTTL', KEYS[1]) < left then
  redis.call('PEXPIRE', KEYS[1], left)
end
return {taken, math.max(at - now, 0), used}
