# One image, an entry point per service: the name of the program is the argument.
#   docker build -t feedmall .
#   docker run -p 127.0.0.1:8080:8080 -v feedmall-data:/data feedmall                  (everything in one process)
#   docker run … feedmall Bff.dll                                                     (one service, see docker-compose.yml)

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
# Only what decides about packages, so that this layer stays until one of these files changes.
COPY global.json Directory.Build.props Directory.Packages.props BannedSymbols.txt ./
COPY Resilience/Resilience.csproj Resilience/
COPY Resilience.Polly/Resilience.Polly.csproj Resilience.Polly/
COPY Rpc/Rpc.csproj Rpc/
COPY proto/proto.csproj proto/
COPY ServiceDefaults/ServiceDefaults.csproj ServiceDefaults/
COPY Bff/Bff.csproj Bff/
COPY Domain.Feed/Domain.Feed.csproj Domain.Feed/
COPY Domain.Mall/Domain.Mall.csproj Domain.Mall/
COPY KvStore/KvStore.csproj KvStore/
COPY AllInOne/AllInOne.csproj AllInOne/
RUN dotnet restore AllInOne
COPY . .
RUN dotnet publish AllInOne --no-restore -c Release -o /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0
# SQLite is the system's own, so that its security fixes come with the image.
RUN apt-get update \
  && apt-get install -y --no-install-recommends libsqlite3-0 \
  && rm -rf /var/lib/apt/lists/* \
  && mkdir /data && chown "$APP_UID" /data
WORKDIR /app
COPY --from=build /app .
# The image's own default port setting would only cause a warning: the addresses are our settings.
ENV ASPNETCORE_HTTP_PORTS="" \
  DataDirectory=/data \
  Bff__Url=http://0.0.0.0:8080
VOLUME /data
EXPOSE 8080 8081 8082 6380
USER $APP_UID
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["dotnet", "Bff.dll", "--probe", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["dotnet"]
CMD ["AllInOne.dll"]
