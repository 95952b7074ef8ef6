package server

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/quillgate/quillgate/mail"
	"github.com/quillgate/quillgate/xmlrpc"
)

// metrics are the metrics of one server, in a registry of its own. Every label
// comes from a table or is a three-digit number, so no client can make the
// registry grow.
type metrics struct {
	registry   *prometheus.Registry
	inFlight   prometheus.Gauge
	requests   *prometheus.HistogramVec // by route and status
	calls      *prometheus.CounterVec   // by method and outcome
	refusals   *prometheus.CounterVec   // by reason
	refused    prometheus.Counter       // connections
	superseded prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quillgate_requests_in_flight", Help: "Requests that are being answered.",
		}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "quillgate_request_seconds", Help: "Time from the header of a request to the end of its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"route", "status"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quillgate_calls_total", Help: "Calls of XML-RPC methods, including each call inside system.multicall.",
		}, []string{"method", "outcome"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quillgate_refused_credentials_total", Help: "Signatures and passwords that were presented and refused.",
		}, []string{"reason"}),
		superseded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quillgate_superseded_keys_total", Help: "Requests signed with a key that was rotated and still works.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quillgate_refused_connections_total", Help: "Connections closed at once because there were too many.",
		}),
	}
	m.registry.MustRegister(m.inFlight, m.requests, m.calls, m.refusals, m.refused, m.superseded,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(rec *record, took time.Duration) {
	m.requests.WithLabelValues(routeLabel(rec.route), strconv.Itoa(rec.status)).Observe(took.Seconds())
	if rec.refusal != "" {
		m.refusals.WithLabelValues(rec.refusal).Inc()
	}
}

// mail adds the metrics of an outbox.
func (m *metrics) mail(box *mail.Outbox) {
	counter := func(outcome string, value func() int64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "quillgate_mail_total", Help: "Mails that this server sent, could not send at a try, or gave up.", ConstLabels: prometheus.Labels{"outcome": outcome},
		}, func() float64 { return float64(value()) }))
	}
	counter("sent", func() int64 { sent, _, _ := box.Counts(); return sent })
	counter("failed", func() int64 { _, failed, _ := box.Counts(); return failed })
	counter("given up", func() int64 { _, _, over := box.Counts(); return over })
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "quillgate_mail_waiting", Help: "Mails that wait in the database, for whichever server sends them. NaN when the database does not answer.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), countTime)
		defer cancel()
		n, err := box.Waiting(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(n)
	}))
}

// countTime is how long the metrics wait for the database.
const countTime = 2 * time.Second

// handler serves the metrics for Prometheus, on a listener of its own.
func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry}))
	return mux
}

// outcomeOf names the result of a call: ok, cancelled if its client
// disconnected, fault with its code, or the HTTP status if no call was reached.
// Codes come from this server's methods, so there are few.
func outcomeOf(e xmlrpc.Event) string {
	switch {
	case e.Gone:
		return "cancelled"
	case e.Fault != 0:
		return "fault " + strconv.Itoa(e.Fault)
	case e.Status >= 400:
		return "http " + strconv.Itoa(e.Status)
	}
	return "ok"
}
