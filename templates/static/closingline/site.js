// Closing Line: relative times, charts with a table beside them, live parts.  No build step.
(function () {
  "use strict";

  function ago(seconds) {
    var future = seconds < 0, s = Math.abs(seconds), text;
    if (s < 60) text = Math.round(s) + " s";
    else if (s < 3600) text = Math.round(s / 60) + " min";
    else if (s < 172800) text = Math.round(s / 3600) + " h";
    else text = Math.round(s / 86400) + " d";
    return future ? "in " + text : text + " ago";
  }

  function day(moment) {
    var text = moment.getUTCDate() + " " + moment.toLocaleString("en-GB", { month: "short", timeZone: "UTC" });
    return moment.getUTCFullYear() === new Date().getUTCFullYear() ? text : text + " " + moment.getUTCFullYear();
  }

  function zone() {
    var banner = document.getElementById("cl-banner");
    return (banner && banner.dataset.zone) || "UTC";
  }

  function times(root) {
    var now = Date.now(), name = zone();
    root.querySelectorAll("time[datetime]").forEach(function (element) {
      var moment = new Date(element.getAttribute("datetime"));
      if (isNaN(moment)) return;
      var note = element.querySelector(".cl-ago");
      if (!note) {
        note = document.createElement("span");
        note.className = "cl-ago";
        element.appendChild(note);
        var local = moment.toLocaleString("en-GB", { timeZone: name, timeZoneName: "short" });
        element.title = element.title + (name === "UTC" ? "" : "\n" + local);
      }
      var far = Math.abs(now - moment) > 43200000, iso = moment.toISOString();
      element.firstChild.textContent = far ? day(moment) + " " + iso.slice(11, 16) : iso.slice(11, 19);
      note.textContent = ago((now - moment) / 1000);
    });
  }

  var LINES = ["#0d9488", "#6366f1", "#d97706", "#db2777", "#0284c7", "#65a30d", "#9333ea", "#dc2626", "#475569"];

  function charts(root) {
    if (!window.Chart) return;
    root.querySelectorAll("canvas[data-cl-chart]").forEach(function (canvas) {
      var source = document.getElementById(canvas.dataset.clChart);
      if (!source || canvas.dataset.drawn) return;
      canvas.dataset.drawn = "yes";
      var data = JSON.parse(source.textContent);
      var dark = document.documentElement.classList.contains("dark");
      var soft = dark ? "#94a3b8" : "#64748b", line = dark ? "#1e293b" : "#e2e8f0";
      var most = 0, from = Infinity, to = -Infinity, names = (data.names || []).slice();
      data.series.forEach(function (series) {
        most = Math.max(most, series.points.length);
        series.points.forEach(function (p) {
          if (!/^\d{4}-/.test(p.x)) { if (names.indexOf(p.x) < 0) names.push(p.x); return; }  // no time: a name
          p.x = Date.parse(p.x.replace(" ", "T") + "Z");
          from = Math.min(from, p.x); to = Math.max(to, p.x);
        });
      });
      if (from === to) { from -= 30000; to += 30000; }
      var axis = { ticks: { color: soft, maxTicksLimit: 7, maxRotation: 0 }, grid: { display: false }, border: { color: line } };
      if (names.length) { axis.type = "category"; axis.labels = names; }
      else { axis.type = "linear"; axis.min = from; axis.max = to; axis.ticks.callback = tick; }
      function tick(ms) {
        var iso = new Date(ms).toISOString();
        return to - from > 172800000 ? day(new Date(ms)) : day(new Date(ms)) + " " + iso.slice(11, to - from > 7200000 ? 16 : 19);
      }
      new window.Chart(canvas, {
        type: "line",
        data: {
          datasets: data.series.map(function (series, i) {
            return {
              label: series.name, borderColor: LINES[i % LINES.length], borderWidth: 2, pointRadius: most > 60 ? 0 : 2,
              data: series.points,
              stepped: data.stepped ? "before" : false, tension: 0,
              fill: data.series.length === 1 ? { target: "origin" } : false,
              backgroundColor: data.series.length === 1 ? LINES[0] + "18" : "transparent"
            };
          })
        },
        options: {
          responsive: true, maintainAspectRatio: false, animation: false,
          interaction: { mode: "index", intersect: false },
          plugins: {
            tooltip: { callbacks: { title: function (items) { return names.length ? items[0].label : new Date(items[0].parsed.x).toISOString().slice(0, 19).replace("T", " ") + " UTC"; } } },
            legend: { display: data.series.length > 1, labels: { color: soft, boxWidth: 12, boxHeight: 2 } } },
          scales: {
            x: axis,
            y: { ticks: { color: soft, callback: function (v) { return v.toLocaleString("en-GB").replace("-", "\u2212") + (data.unit ? " " + data.unit : ""); } },
                 grid: { color: line }, border: { display: false }, grace: "8%", beginAtZero: false }
          }
        }
      });
    });
  }

  function fresh(root) { times(root); charts(root); }

  // <div data-cl-live="/address" data-cl-every="10"> is replaced by what the address answers.
  // An answer with the header X-Live: over stops it; so does a hidden page, for a while.
  function live(element) {
    var every = Number(element.dataset.clEvery || 10) * 1000;
    function again() { window.setTimeout(tick, every); }
    function mark(ok) {
      document.querySelectorAll(".cl-live-dot").forEach(function (dot) { dot.classList.toggle("cl-off", !ok); });
      var stamp = document.getElementById("cl-refreshed");
      if (stamp) stamp.textContent = ok ? "Updated " + new Date().toISOString().slice(11, 19) + " UTC" : "No answer; trying again";
    }
    function tick() {
      if (document.hidden) return again();
      fetch(element.dataset.clLive, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" } })
        .then(function (answer) {
          if (answer.redirected || answer.status === 403) { window.location.reload(); return; }
          if (!answer.ok) throw new Error(answer.status);
          var over = answer.headers.get("X-Live") === "over";
          return answer.text().then(function (html) {
            var open = Array.prototype.map.call(element.querySelectorAll("details"), function (d) { return d.open; });
            if (window.Chart) element.querySelectorAll("canvas").forEach(function (c) { var g = window.Chart.getChart(c); if (g) g.destroy(); });
            element.innerHTML = html;
            element.querySelectorAll("details").forEach(function (d, i) { if (open[i]) d.open = true; });
            fresh(element); mark(true);
            if (!over) again();
          });
        })
        .catch(function () { mark(false); again(); });
    }
    again();
  }

  document.addEventListener("DOMContentLoaded", function () {
    fresh(document);
    document.querySelectorAll("[data-cl-live]").forEach(live);
    window.setInterval(function () { times(document); }, 15000);
  });
})();
