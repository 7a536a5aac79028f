// SPDX-License-Identifier: GPL-2.0-only

// A net/http service that answers as the victims in C do: GET /WAIT_MS/BYTES.
//
//	main PORT [GRACE]    GRACE ("3s"): SIGTERM leads to Shutdown, for so long; else it kills
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func answer(w http.ResponseWriter, r *http.Request) {
	var waitMs, size int
	if _, err := fmt.Sscanf(r.URL.Path, "/%d/%d", &waitMs, &size); err != nil || size < 0 {
		http.NotFound(w, r)
		return
	}
	time.Sleep(time.Duration(waitMs) * time.Millisecond)
	fmt.Fprint(w, strings.Repeat("x", size))
}

func main() {
	server := &http.Server{Handler: http.HandlerFunc(answer)}
	told := make(chan os.Signal, 1)
	grace := time.Duration(0)
	if len(os.Args) > 2 {
		var err error
		if grace, err = time.ParseDuration(os.Args[2]); err != nil {
			log.Fatal(err)
		}
		signal.Notify(told, syscall.SIGTERM)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready", os.Args[1])
	go server.Serve(listener)
	<-told
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		log.Fatal(err) // exit status 1
	}
}
