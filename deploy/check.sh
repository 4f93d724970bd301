#!/bin/sh
# Checks the alerts, their tests, the scrape config and the dashboard against a scrape.
#
#   curl -s http://127.0.0.1:9464/metrics > metrics.txt && ./check.sh metrics.txt
#
# Needs promtool and node. Prints one line for each kind of thing that is checked, and
# stops with 1 at the first that is wrong.
set -eu

scrape=${1:?usage: check.sh SCRAPE, a file with what /metrics says}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# quiet runs a command, and shows what it says only if it fails.
quiet() {
    what=$1
    shift
    if ! "$@" >"$work/said" 2>&1; then
        cat "$work/said" >&2
        echo "WRONG  $what" >&2
        exit 1
    fi
    echo "ok     $what"
}

quiet "the scrape is what Prometheus reads" sh -c 'promtool check metrics <"$1"; test $? -ne 1' - "$scrape"
quiet "prometheus.yaml, and that it finds the alerts" promtool check config "$here/prometheus/prometheus.yaml"
quiet "alerts.yaml is well formed" promtool check rules "$here/prometheus/alerts.yaml"
quiet "the alerts' own tests" sh -c 'cd "$1" && promtool test rules alerts_test.yaml' - "$here/prometheus"

cat >"$work/check.js" <<'JS'
const fs = require('fs')
const [scrapeFile, alertsFile, testsFile, dashboardFile, out] = process.argv.slice(2)
const ok = what => console.log('ok     ' + what)
const wrong = what => { console.error('WRONG  ' + what); process.exit(1) }
const read = file => fs.readFileSync(file, 'utf8')

// What a scrape has: the labels of each metric, and the values of each label.
const metrics = new Map()
for (const line of read(scrapeFile).split('\n')) {
  const sample = line.match(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+/)
  if (!sample) continue
  if (!metrics.has(sample[1])) metrics.set(sample[1], new Set())
  for (const label of (sample[2] || '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) metrics.get(sample[1]).add(label[1])
}
if (metrics.size === 0) wrong(`${scrapeFile} has no metrics`)
// What Prometheus adds.
metrics.set('up', new Set())
const added = new Set(['job', 'instance'])

// selectors finds the metrics in PromQL, each with what stands in its braces.
const selectors = expr => {
  const strings = []
  let bare = expr.replace(/#.*$/gm, ' ').replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, s => `"${strings.push(s) - 1}"`)
  bare = bare.replace(/\[[^\]]*\]/g, ' ').replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
  if (/(^|[^\w:\s])\s*\{/.test(bare)) wrong(`a selector without a metric's name in: ${expr}`)
  const found = []
  for (const m of bare.matchAll(/(?<![\w:"$.])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\(|)/g)) {
    if (m[2] === '(' || /^(and|or|unless|bool|offset|by|without|on|ignoring|group_left|group_right|inf|nan|\d.*)$/i.test(m[1])) continue
    if (m.index > 0 && /offset\s+-?$/.test(bare.slice(0, m.index))) continue
    found.push({ name: m[1], braces: m[2].replace(/"(\d+)"/g, (_, i) => strings[i]) })
  }
  if (found.length === 0) wrong(`no metric in: ${expr}`)
  return found
}
const seen = new Set()
const known = (where, expr) => {
  for (const { name, braces } of selectors(expr)) {
    seen.add(name)
    if (!metrics.has(name)) wrong(`${where}: ${name} is not in the scrape`)
    for (const label of braces.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)) {
      if (!metrics.get(name).has(label[1]) && !added.has(label[1])) wrong(`${where}: ${name} has no label ${label[1]}`)
    }
  }
}

// The alerts. promtool has said that they are well formed, so that lines will do: what
// is indented deeper than "expr:" belongs to it.
const lines = read(alertsFile).split('\n')
const alerts = []
lines.forEach((line, at) => {
  const alert = line.match(/^\s*- alert:\s*(\S+)/)
  if (alert) alerts.push({ name: alert[1], text: '' })
  else if (alerts.length) alerts[alerts.length - 1].text += line + '\n'
  const expr = line.match(/^(\s*)expr:\s*(.*)$/)
  if (!expr) return
  if (/^["']/.test(expr[2])) wrong(`alerts.yaml:${at + 1}: write expr without quotes, or as a block (expr: |)`)
  let text = /^[|>][+-]?\s*$/.test(expr[2]) ? '' : expr[2]
  for (let i = at + 1; i < lines.length && (lines[i].trim() === '' || lines[i].match(/^\s*/)[0].length > expr[1].length); i++) text += '\n' + lines[i]
  if (!alerts.length) wrong(`alerts.yaml:${at + 1}: an expr before the first alert`)
  alerts[alerts.length - 1].expr = text
})
for (const a of alerts) {
  if (!a.expr) wrong(`${a.name}: no expr found`)
  known(a.name, a.expr)
}
ok(`the metrics and labels of ${alerts.length} alerts are in the scrape`)
for (const a of alerts) {
  if (!/^PeopleInsights[A-Z]\w*$/.test(a.name)) wrong(`${a.name}: a name is PeopleInsights and words in CamelCase`)
  if (!/^\s+for: \S/m.test(a.text)) wrong(`${a.name} has no for`)
  if (!/^\s+severity: (critical|warning|info)$/m.test(a.text)) wrong(`${a.name}: severity is critical, warning or info`)
  for (const word of ['summary', 'description']) if (!new RegExp(`^\\s+${word}: \\S`, 'm').test(a.text)) wrong(`${a.name} has no ${word}`)
}
ok('each alert has for, severity, summary and description')
const tests = read(testsFile)
for (const a of alerts) if (!tests.includes(`alertname="${a.name}",alertstate="firing"`)) wrong(`${a.name} fires in no test`)
ok('each alert fires in a test')

// The dashboard.
let dashboard
try { dashboard = JSON.parse(read(dashboardFile)) } catch (e) { wrong(`the dashboard is not JSON: ${e.message}`) }
if (dashboard.uid !== 'people-insights' || dashboard.schemaVersion !== 39) wrong('the dashboard has another uid or schemaVersion')
const variables = Object.fromEntries(dashboard.templating.list.map(v => [v.name, v]))
if (variables.datasource?.type !== 'datasource' || variables.datasource.query !== 'prometheus') wrong('the dashboard has no variable datasource')
const values = /^label_values\((.*), *(\w+)\)$/.exec(variables.tenant?.query?.query || '')
if (!values) wrong('the dashboard has no variable tenant')
if (variables.tenant.datasource?.uid !== '${datasource}') wrong('the variable tenant does not use the variable datasource')
known('the variable tenant', values[1])
if (!metrics.get(values[1])?.has(values[2])) wrong(`the variable tenant: ${values[1]} has no label ${values[2]}`)
const all = dashboard.panels.flatMap(p => [p, ...(p.panels || [])])
const ids = new Set(all.map(p => p.id))
if (ids.size !== all.length) wrong('two panels have the same id')
const panels = all.filter(p => p.type !== 'row')
const rules = []
const titles = new Set()
for (const p of panels) {
  const where = `panel ${JSON.stringify(p.title || p.id)}`
  if (!p.title || titles.has(p.title)) wrong(`${where} has no title, or that of another`)
  titles.add(p.title)
  if (!/^\S.*\.$/.test(p.description || '')) wrong(`${where}: a description is a sentence`)
  if (!p.fieldConfig?.defaults?.unit) wrong(`${where} has no unit`)
  if (!p.targets?.length) wrong(`${where} asks for nothing`)
  const { x, w } = p.gridPos
  if (x + w > 24) wrong(`${where} is wider than the page`)
  for (const t of [p, ...p.targets]) if (t.datasource?.uid !== '${datasource}') wrong(`${where} does not use the variable datasource`)
  for (const t of p.targets) rules.push({ where, expr: t.expr })
}
for (const a of panels) for (const b of panels) {
  const [p, q] = [a.gridPos, b.gridPos]
  if (a.id < b.id && p.x < q.x + q.w && q.x < p.x + p.w && p.y < q.y + q.h && q.y < p.y + p.h) wrong(`panels ${a.title} and ${b.title} overlap`)
}
ok(`${panels.length} panels in ${all.length - panels.length} rows have a title, a description, a unit and the variable datasource, and none overlap`)
for (const { where, expr } of rules) known(where, expr)
ok(`the metrics and labels of ${rules.length} expressions of the dashboard are in the scrape`)
for (const { where, expr } of rules) {
  for (const { name, braces } of selectors(expr)) {
    if (metrics.get(name).has('tenant') && !braces.includes('tenant=~"$tenant"')) wrong(`${where}: ${name} has the label tenant, so ask with tenant=~"$tenant"`)
    if (/^(go|process)_/.test(name) && !braces.includes('job="people-insights"')) wrong(`${where}: ${name} is of every Go program, so ask with job="people-insights"`)
  }
}
ok('each expression asks for $tenant where the metric has that label, and for the job where it is not ours')

// For promtool to parse: JSON is YAML.
const plain = rules.map(({ where, expr }) => {
  const said = expr.replaceAll('$__rate_interval', '5m').replaceAll('$__interval', '5m').replaceAll('$__range', '1h').replaceAll('$tenant', 'x')
  if (/\$\w/.test(said)) wrong(`${where}: a variable that the dashboard does not have in: ${expr}`)
  return said
})
fs.writeFileSync(out, JSON.stringify({ groups: [{ name: 'dashboard', rules: plain.map((expr, i) => ({ record: `panel:expr:n${i + 1}`, expr })) }] }, null, 1))
const unused = [...metrics.keys()].filter(n => n.startsWith('people_insights_') && !seen.has(n) && !/_(bucket|sum|count)$/.test(n))
if (unused.length) console.log('note   neither alerts nor dashboard use ' + unused.join(', '))
JS
node "$work/check.js" "$scrape" "$here/prometheus/alerts.yaml" "$here/prometheus/alerts_test.yaml" "$here/grafana/people-insights.json" "$work/dashboard.yaml"
quiet "promtool parses each expression of the dashboard" promtool check rules "$work/dashboard.yaml"
