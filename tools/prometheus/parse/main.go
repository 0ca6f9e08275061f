// Parses an exposition of metrics from standard input as Prometheus does, and prints each series with its type.
//
//	parse application/openmetrics-text < metrics.txt
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

func main() {
	if err := run(os.Args[1], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(contentType string, from io.Reader) error {
	text, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	parser, err := textparse.New(text, contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return err
	}
	types := map[string]string{}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch entry {
		case textparse.EntryType:
			name, kind := parser.Type()
			if before, ok := types[string(name)]; ok {
				return fmt.Errorf("%s has a type twice: %s and %s", name, before, kind)
			}
			types[string(name)] = string(kind)
			fmt.Printf("TYPE %s %s\n", name, kind)
		case textparse.EntrySeries:
			var series labels.Labels
			parser.Labels(&series)
			_, _, value := parser.Series()
			name, others := series.Get(labels.MetricName), labels.NewBuilder(series).Del(labels.MetricName).Labels()
			if others.IsEmpty() {
				fmt.Printf("%s %g\n", name, value)
			} else {
				fmt.Printf("%s%s %g\n", name, others.String(), value)
			}
		}
	}
}
