"""Things behind Django REST framework, once for each of its ways of paging: python django_things.py PORT DATABASE."""

# Django makes its models' attributes at run time, and has no types:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only-for-this-test" * 4,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[2]}},
    INSTALLED_APPS=["rest_framework"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - Django wants its settings first
from django.db import connection, models  # noqa: E402 - as above
from django.urls import include, path  # noqa: E402 - as above
from rest_framework import pagination, routers, serializers, viewsets  # noqa: E402 - as above


class Thing(models.Model):
    name = models.TextField()
    price = models.DecimalField(max_digits=9, decimal_places=2, default="1.50")
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        """Of this file alone."""

        app_label = "things"

    def __str__(self) -> str:
        return str(self.name)


class ThingSerializer(serializers.ModelSerializer):
    class Meta:
        """All of it."""

        model = Thing
        fields = "__all__"


class ByPage(pagination.PageNumberPagination):
    page_size = 40


class ByOffset(pagination.LimitOffsetPagination):
    default_limit = 40


class ByCursor(pagination.CursorPagination):
    page_size = 40
    ordering = "id"


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
        """Keep quiet."""


router = routers.SimpleRouter()
for name, paging in {"page": ByPage, "offset": ByOffset, "cursor": ByCursor, "plain": None}.items():
    served = {"queryset": Thing.objects.order_by("id"), "serializer_class": ThingSerializer, "pagination_class": paging}
    router.register(name, type(name, (viewsets.ModelViewSet,), served), basename=name)
urlpatterns = [path("", include(router.urls))]

with connection.schema_editor() as editor:
    editor.create_model(Thing)
with make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), handler_class=Quiet) as server:
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    server.serve_forever()
